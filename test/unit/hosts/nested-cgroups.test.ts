/** Under control groups of version 2 a nested engine gets a hierarchy that it may write to, and who is not root one of its own. */
import { describe, expect, test } from 'vitest'
import { nestedEngine } from '../../../src/hosts/nested/engine-kinds.ts'
import type { NestedSpec } from '../../../src/model/project.ts'

const docker: NestedSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false }
const podman: NestedSpec = { ...docker, engine: 'podman' }
const rootless: NestedSpec = { ...podman, rootless: true }
/** What the script does where the machine has version 2. */
const underVersion2 = (spec: NestedSpec) =>
  [...nestedEngine(spec).script.matchAll(/if \[ -f \S*cgroup\.controllers \]; then(.*?)(?:\nelse|; fi)/gs)]
    .map(([, text]) => text)
    .join('\n')

describe.each([
  ['Docker', docker],
  ['Podman', podman],
  ['Podman without root', rootless],
])('%s', (_, spec) => {
  test('makes it writable, moves what runs out of its root, and hands on every controller', () => {
    const script = underVersion2(spec)
    const steps = ['remount,bind,rw /sys/fs/cgroup', '/sys/fs/cgroup/init/cgroup.procs', '/cgroup.subtree_control']
    const places = steps.map((step) => script.indexOf(step))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })
})

test('Docker without root finds them as they were, for it uses none', () => {
  expect(nestedEngine({ ...docker, rootless: true }).script).not.toContain('cgroup')
})

test('only without root are the groups given to a user', () => {
  expect(underVersion2(rootless)).toContain('chown dev $group $group/cgroup.procs')
  expect(underVersion2(podman)).not.toContain('chown')
})
