/** What a machine lacks for a host is told before anything is made. */
import { describe, expect, test } from 'vitest'
import { type MachineOffer, shortages } from '../../../src/hosts/offer.ts'
import type { HostSpec } from '../../../src/model/project.ts'

const gibibyte = 1024 ** 3
const machine: MachineOffer = {
  platform: 'linux',
  arch: 'x64',
  root: true,
  freeMemoryBytes: 8 * gibibyte,
  freeDiskBytes: 40 * gibibyte,
  missing: [],
  devices: new Set(['/dev/fuse', '/dev/net/tun']),
}
const docker: HostSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false }
const podman: HostSpec = { kind: 'nested', engine: 'podman', release: 'trixie', rootless: true }
const swarm: HostSpec = { kind: 'swarm', release: 'trixie', nodes: 3 }
const vm: HostSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte }

const lacking = (spec: HostSpec, rest: Partial<MachineOffer>) =>
  shortages(spec, { ...machine, ...rest }).map(({ of }) => of)

describe('a machine that has all', () => {
  test.each([docker, podman, swarm, vm])('lacks nothing for $kind $engine', (spec) => {
    expect(lacking(spec, {})).toEqual([])
  })
})

describe('a machine', () => {
  test('of another system has no host, and is told how to reach one elsewhere', () => {
    expect(shortages(docker, { ...machine, platform: 'darwin' })).toEqual([
      { of: 'system', what: 'it needs Linux', mend: expect.stringContaining('connect') },
    ])
  })

  test('without tun and fuse has no rootless Podman, and has Docker', () => {
    expect(lacking(podman, { devices: new Set() })).toEqual(['device', 'device'])
    expect(lacking(docker, { devices: new Set() })).toEqual([])
  })

  test('with room for one engine has no cluster of three', () => {
    expect(lacking(docker, { freeDiskBytes: 4 * gibibyte })).toEqual([])
    expect(lacking(swarm, { freeDiskBytes: 4 * gibibyte })).toEqual(['disk'])
  })

  test('with less memory than a virtual machine asks for says how much of each', () => {
    const [shortage] = shortages(vm, { ...machine, freeMemoryBytes: gibibyte })
    expect(shortage).toMatchObject({ of: 'memory', what: '1.0 GiB of memory free, and it takes 3.0 GiB' })
  })

  test('without QEMU names the packages', () => {
    const [shortage] = shortages(vm, { ...machine, missing: ['qemu-system-x86_64'] })
    expect(shortage).toMatchObject({ of: 'program', mend: expect.stringContaining('qemu-system-x86') })
    expect(lacking(docker, { missing: ['qemu-system-x86_64'] })).toEqual([])
  })

  test('that is not root, or not x86-64, has no virtual machine', () => {
    expect(lacking(vm, { root: false })).toEqual(['system'])
    expect(lacking(vm, { arch: 'arm64' })).toEqual(['system'])
  })
})
