/** What a machine lacks for a host is told before anything is made. */
import { describe, expect, test } from 'vitest'
import { lacks, type MachineOffer, type Room, roomTogether, shortages } from '../../../src/hosts/offer.ts'
import type { HostSpec } from '../../../src/model/project.ts'

const gibibyte = 1024 ** 3
/** One file system for the engine's data and Matrix's own. */
const oneDisk = (freeBytes: number) => ({ engine: { freeBytes, device: 1 }, own: { freeBytes, device: 1 } })
const machine: MachineOffer = {
  platform: 'linux',
  arch: 'x64',
  osRelease: 'ID=debian\n',
  root: true,
  freeMemoryBytes: 8 * gibibyte,
  disks: oneDisk(40 * gibibyte),
  missing: [],
  devices: new Set(['/dev/fuse', '/dev/net/tun']),
  cannot: [],
}
const images = 8
const docker: HostSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false }
const userDocker: HostSpec = { ...docker, rootless: true }
const podman: HostSpec = { kind: 'nested', engine: 'podman', release: 'trixie', rootless: true }
const swarm: HostSpec = { kind: 'swarm', release: 'trixie', nodes: 3 }
const sandbox: HostSpec = { ...docker, runtime: 'runsc' }
const vm: HostSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte }

const lacking = (spec: HostSpec, rest: Partial<MachineOffer>) =>
  shortages(spec, { ...machine, ...rest }, images).map(({ of }) => of)

describe('a machine that has all', () => {
  test.each([docker, podman, swarm, vm])('lacks nothing for $kind $engine', (spec) => {
    expect(lacking(spec, {})).toEqual([])
  })
})

describe('a machine', () => {
  test('of another system has no host, and is told how to reach one elsewhere', () => {
    expect(shortages(docker, { ...machine, platform: 'darwin' }, images)).toEqual([
      { of: 'system', what: 'it needs Linux', mend: expect.stringContaining('connect') },
    ])
  })

  test('without tun and fuse has no engine without root, and has Docker', () => {
    for (const spec of [podman, userDocker]) expect(lacking(spec, { devices: new Set() })).toEqual(['device', 'device'])
    expect(lacking(docker, { devices: new Set() })).toEqual([])
  })

  test('with room for one engine has no cluster of three', () => {
    expect(lacking(docker, { disks: oneDisk(4 * gibibyte) })).toEqual([])
    expect(lacking(swarm, { disks: oneDisk(4 * gibibyte) })).toEqual(['disk'])
  })

  test('is judged by the disk that the host is on, which is not known of every engine', () => {
    const [full, empty] = [
      { freeBytes: 0, device: 1 },
      { freeBytes: 40 * gibibyte, device: 2 },
    ]
    expect(lacking(docker, { disks: { engine: full, own: empty } })).toEqual(['disk'])
    expect(lacking(docker, { disks: { engine: empty, own: full } })).toEqual([])
    expect(lacking(vm, { disks: { engine: full, own: empty } })).toEqual([])
    expect(lacking(vm, { disks: { engine: empty, own: full } })).toEqual(['disk'])
    expect(lacking(docker, { disks: { engine: null, own: full } })).toEqual([])
  })

  test('with less memory than a virtual machine asks for says how much of each', () => {
    const [shortage] = shortages(vm, { ...machine, freeMemoryBytes: gibibyte }, images)
    expect(shortage).toMatchObject({ of: 'memory', what: '1.0 GiB of memory free, and it takes 3.0 GiB' })
  })

  test('without QEMU names the packages', () => {
    const [shortage] = shortages(vm, { ...machine, missing: ['qemu-system-x86_64'] }, images)
    expect(shortage).toMatchObject({ of: 'program', mend: expect.stringMatching(/^apt-get .* qemu-system-x86$/) })
    const elsewhere = { ...machine, missing: ['qemu-system-x86_64'], osRelease: 'ID=fedora\n' } as const
    expect(shortages(vm, elsewhere, images)[0]?.mend).not.toContain('apt-get')
    expect(lacking(docker, { missing: ['qemu-system-x86_64'] })).toEqual([])
  })

  test.each([
    ['overlay', [docker, userDocker, sandbox, podman, swarm]],
    ['vxlan', [swarm]],
    ['user-namespaces', [userDocker, podman]],
    ['gvisor', [sandbox]],
  ] as const)('whose kernel has no %s has none of the hosts that need it', (ability, without) => {
    const cannot = [{ ability, works: false, found: 'it is not there', mend: 'a command' }] as const
    const has = (spec: HostSpec) => lacking(spec, { cannot }).length === 0
    expect([docker, userDocker, sandbox, podman, swarm, vm].filter((spec) => !has(spec))).toEqual(without)
  })

  test('where Matrix is not root has none', () => {
    for (const spec of [docker, userDocker, podman, swarm, vm])
      expect(lacking(spec, { root: false })).toEqual(['system'])
  })

  test('that is not x86-64 has no virtual machine', () => {
    expect(lacking(vm, { arch: 'arm64' })).toEqual(['system'])
  })
})

describe('all hosts of a project together', () => {
  const all = [docker, sandbox, podman, swarm, vm]
  const diskOf = (room: Room) => room.engineDiskBytes + room.ownDiskBytes

  test('take more than each, and more with every image', () => {
    const room = roomTogether(all, images)
    for (const spec of all) {
      const alone = roomTogether([spec], images)
      expect(diskOf(room)).toBeGreaterThan(diskOf(alone))
      expect(room.memoryBytes).toBeGreaterThan(alone.memoryBytes)
    }
    expect(diskOf(roomTogether(all, 1))).toBeLessThan(diskOf(room))
    expect(roomTogether([], images)).toEqual({ engineDiskBytes: 0, ownDiskBytes: 0, memoryBytes: 0 })
  })

  test('take memory alone where they were made before and are down', () => {
    const { memoryBytes } = roomTogether(all, images)
    expect(roomTogether([], images, all)).toEqual({ engineDiskBytes: 0, ownDiskBytes: 0, memoryBytes })
    expect(roomTogether([vm], images, [docker]).memoryBytes).toBe(roomTogether([vm, docker], images).memoryBytes)
  })

  test('are refused where each alone would fit', () => {
    const room = roomTogether(all, images)
    const { memoryBytes } = room
    const diskBytes = diskOf(room)
    const short = (freeBytes: number, freeMemoryBytes: number) =>
      lacks(room, { disks: oneDisk(freeBytes), freeMemoryBytes }).map(({ of }) => of)
    expect(short(diskBytes, memoryBytes)).toEqual([])
    expect(short(diskBytes - 1, memoryBytes)).toEqual(['disk'])
    expect(short(diskBytes - 1, memoryBytes - 1)).toEqual(['disk', 'memory'])
    for (const spec of all) expect(lacking(spec, { disks: oneDisk(diskBytes - 1) })).toEqual([])
  })
})
