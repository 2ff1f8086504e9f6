/** What an engine is known not to do follows from what it says of itself. */
import { describe, expect, test } from 'vitest'
import {
  controllersOfDocker,
  controllersOfPodman,
  type EngineKind,
  idsOfPodman,
  unenforcedBy,
} from '../../../src/engines/docker-api/quirks.ts'

const limits = ['mem_limit', 'memswap_limit', 'cpus', 'cpuset', 'pids_limit']
const docker: EngineKind = { name: 'docker', version: '26.1.5', rootless: false, cgroup: 'v2', ociRuntime: 'runc' }
const podman: EngineKind = { ...docker, name: 'podman', version: '5.5.0', rootless: true, ociRuntime: 'crun' }
const limitsLacking = (kind: EngineKind) => limits.filter((key) => unenforcedBy(kind).has(key))

describe('limits of control groups', () => {
  test('are not enforced without root under version 1', () => {
    expect(limitsLacking({ ...podman, cgroup: 'v1' })).toEqual(limits)
    expect(limitsLacking({ ...docker, cgroup: 'v1' })).toEqual([])
  })

  test('under version 2 are those whose controllers were delegated', () => {
    const of = (listed: readonly string[]) => limitsLacking({ ...podman, controllers: controllersOfPodman(listed) })
    expect(of(['cpuset', 'cpu', 'io', 'memory', 'pids'])).toEqual([])
    expect(of(['memory', 'pids'])).toEqual(['cpus', 'cpuset'])
  })

  test('are expected where nothing is told of controllers', () => {
    expect(limitsLacking({ ...podman, controllers: controllersOfPodman(undefined) })).toEqual([])
    expect(limitsLacking(podman)).toEqual([])
  })

  test('are not those that Docker says it drops', () => {
    const of = (info: Readonly<Record<string, boolean>>) =>
      limitsLacking({ ...docker, controllers: controllersOfDocker(info) })
    expect(of({})).toEqual([])
    expect(of({ MemoryLimit: true, SwapLimit: false })).toEqual(['memswap_limit'])
    expect(of({ MemoryLimit: false, SwapLimit: false, CpuCfsQuota: false, CPUSet: false, PidsLimit: false })).toEqual(
      limits,
    )
  })
})

describe('users and groups that no id is mapped to', () => {
  const unmapped = ['user:not-mapped', 'group_add:not-mapped']
  const of = (kind: EngineKind) => unmapped.filter((key) => unenforcedBy(kind).has(key))

  test('are refused without root', () => {
    expect(of(docker)).toEqual([])
    expect(of({ ...docker, rootless: true })).toEqual(unmapped)
  })

  test('are had by a Podman that was given more ids', () => {
    const ids = (size: number) => idsOfPodman([{ size: 1 }, { size }])
    expect(of({ ...podman, ids: ids(65_536) })).toEqual(unmapped)
    expect(of({ ...podman, ids: ids(2 ** 31) })).toEqual([])
  })
})
