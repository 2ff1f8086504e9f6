/** Whether this machine can offer a host, judged by what it has, before anything is made. */
import { existsSync } from 'node:fs'
import type { HostSpec } from '../model/project.ts'
import type { Disks } from './disks.ts'
import type { MachineFacts } from './machine-facts.ts'
import { type Ability, type Tried, tryMachine } from './machine-tries.ts'
import { howToInstall, missingPrograms, osRelease, type Program, vmPrograms } from './packages.ts'

/** What is asked of the machine. */
export interface MachineOffer extends Pick<MachineFacts, 'root' | 'freeMemoryBytes'> {
  readonly disks: Disks
  readonly platform: string
  readonly arch: string
  /** The text of os-release(5). */
  readonly osRelease: string
  readonly missing: readonly Program[]
  readonly devices: ReadonlySet<string>
  /** What was tried of its kernel and does not work. */
  readonly cannot: readonly Tried[]
}

/** `mend` null: nothing can be done about it here. */
export interface Shortage {
  /** `program`: whoever brings the host up may install it. */
  readonly of: 'system' | 'engine' | 'program' | 'device' | 'kernel' | 'disk' | 'memory'
  readonly what: string
  readonly mend: string | null
}

const gibibyte = 1024 ** 3
// As in this project: nine images of 0.1 to 0.9 GiB, root file systems of hosts of a third of one.
const imageDiskBytes = 0.3 * gibibyte
const hostDiskBytes = 0.4 * gibibyte
const machineDiskBytes = 1.5 * gibibyte
const engineMemoryBytes = 0.25 * gibibyte

/**
 * Everything that is missing for a host that was not made yet; empty where it can be had.
 *
 * @param images how many images it is going to hold
 */
export function shortages(spec: HostSpec, machine: MachineOffer, images: number): readonly Shortage[] {
  if (machine.platform !== 'linux')
    return [{ of: 'system', what: 'it needs Linux', mend: 'engine: { connect: … } reaches an engine elsewhere' }]
  const need = needOf(spec)
  const programs = machine.missing.filter((program) => need.programs.includes(program))
  const found: Shortage[] = []
  if (!machine.root) {
    const what = spec.kind === 'vm' ? 'only root can unpack its packages' : 'only root can use its socket'
    found.push({ of: 'system', what, mend: 'run as root: sudo matrix …, or engine: { connect: … } to one of yours' })
  }
  if (spec.kind === 'vm' && machine.arch !== 'x64')
    found.push({ of: 'system', what: 'it is made for x86-64 only', mend: null })
  if (programs.length > 0)
    found.push({
      of: 'program',
      what: `missing: ${programs.join(', ')}`,
      mend: howToInstall(programs, machine.osRelease),
    })
  for (const device of need.devices.filter((path) => !machine.devices.has(path))) {
    found.push({
      of: 'device',
      what: `there is no ${device}`,
      mend: `modprobe ${device === '/dev/fuse' ? 'fuse' : 'tun'}`,
    })
  }
  for (const { found: what, mend } of machine.cannot.filter(({ ability }) => need.abilities.includes(ability))) {
    found.push({ of: 'kernel', what, mend })
  }
  return [...found, ...lacks(roomOf(spec, images), machine)]
}

/**
 * The sockets of a nested host are files of this machine, and an engine elsewhere may be production. What an engine without
 * root runs has no right to the machine's control groups and mounts, which an engine in it needs.
 *
 * @param local `rootless` absent: it was not asked
 */
export function engineShortage(
  spec: HostSpec,
  local: { readonly endpoint: string; readonly rootless?: boolean },
): readonly Shortage[] {
  if (spec.kind === 'vm') return []
  if (local.endpoint.startsWith('unix://')) {
    const what = `it is a container of an engine that runs as root, and ${local.endpoint} runs without root`
    return local.rootless === true ? [{ of: 'engine', what, mend: asRootMend }] : []
  }
  const what = `it is a container of an engine on this machine, and ${local.endpoint} is reached from elsewhere`
  return [{ of: 'engine', what, mend: notHereMend }]
}

const asRootMend =
  'Name one that does: matrix check --engine unix:///var/run/docker.sock; or sudo matrix check, which finds or starts one.'
const notHereMend =
  'Run without --engine and DOCKER_HOST, or name an engine that runs already by connect: in the environment.'

/** Disk, by where it is taken, and memory, in bytes. */
export interface Room {
  readonly engineDiskBytes: number
  readonly ownDiskBytes: number
  readonly memoryBytes: number
}

/**
 * What these hosts take together, and beside those that are to be made the images on the engine that builds them and their
 * layers for sending.
 *
 * @param asleep made before, so that they take memory only
 */
export function roomTogether(specs: readonly HostSpec[], images: number, asleep: readonly HostSpec[] = []): Room {
  const rooms = specs.map((spec) => roomOf(spec, images))
  const sum = (all: readonly Room[], of: (room: Room) => number) => all.reduce((total, room) => total + of(room), 0)
  const once = specs.length === 0 ? 0 : images * imageDiskBytes
  const waking = asleep.map((spec) => roomOf(spec, images))
  return {
    engineDiskBytes: once + sum(rooms, ({ engineDiskBytes }) => engineDiskBytes),
    ownDiskBytes: once + sum(rooms, ({ ownDiskBytes }) => ownDiskBytes),
    memoryBytes: sum([...rooms, ...waking], ({ memoryBytes }) => memoryBytes),
  }
}

/** Whether the machine has that much, as far as it is known; at most one shortage of each file system and one of memory. */
export function lacks(room: Room, machine: Pick<MachineOffer, 'disks' | 'freeMemoryBytes'>): readonly Shortage[] {
  const { disks, freeMemoryBytes } = machine
  const { engineDiskBytes, ownDiskBytes, memoryBytes } = room
  const found: Shortage[] = []
  const judge = (of: 'disk' | 'memory', what: string, { free, need }: { free: number | undefined; need: number }) => {
    if (free === undefined || free >= need) return
    const mend = of === 'disk' ? 'matrix clean --all frees what Matrix uses' : 'ask for less, or stop something'
    found.push({ of, what: lack(what, free, need), mend })
  }
  if (disks.engine !== null && disks.engine.device === disks.own?.device) {
    judge('disk', 'disk', { free: disks.engine.freeBytes, need: engineDiskBytes + ownDiskBytes })
  } else {
    judge('disk', 'the disk of the engine', { free: disks.engine?.freeBytes, need: engineDiskBytes })
    judge('disk', 'the disk that Matrix keeps its own on', { free: disks.own?.freeBytes, need: ownDiskBytes })
  }
  judge('memory', 'memory', { free: freeMemoryBytes, need: memoryBytes })
  return found
}

/** Asks this machine. */
export function machineOffer(
  facts: MachineFacts,
  { disks, env }: { readonly disks: Disks; readonly env: Readonly<Record<string, string | undefined>> },
): MachineOffer {
  const devices = ['/dev/fuse', '/dev/net/tun'].filter((path) => existsSync(path))
  const { root, freeMemoryBytes, arch, platform } = facts
  const missing = missingPrograms([...vmPrograms], env)
  const cannot = platform === 'linux' ? tryMachine(env).filter(({ works }) => works === false) : []
  return {
    ...{ platform, arch, osRelease: osRelease(), root, freeMemoryBytes },
    ...{ disks, missing, devices: new Set(devices), cannot },
  }
}

function needOf(spec: HostSpec): {
  readonly programs: readonly Program[]
  readonly devices: readonly string[]
  readonly abilities: readonly Ability[]
} {
  switch (spec.kind) {
    case 'nested': {
      const devices = spec.rootless ? ['/dev/fuse', '/dev/net/tun'] : []
      const rootless: readonly Ability[] = spec.rootless ? ['user-namespaces'] : []
      const sandboxed: readonly Ability[] = spec.runtime === 'runsc' ? ['gvisor'] : []
      return { programs: ['mmdebstrap'], devices, abilities: ['overlay', ...rootless, ...sandboxed] }
    }
    case 'published':
      return { programs: [], devices: [], abilities: ['overlay'] }
    case 'swarm':
      return { programs: ['mmdebstrap'], devices: [], abilities: ['overlay', 'vxlan'] }
    case 'vm':
      return { programs: vmPrograms, devices: [], abilities: [] }
  }
}

function roomOf(spec: HostSpec, images: number): Room {
  const held = images * imageDiskBytes
  switch (spec.kind) {
    case 'nested':
    case 'published':
      return { engineDiskBytes: hostDiskBytes + held, ownDiskBytes: 0, memoryBytes: engineMemoryBytes }
    case 'swarm': {
      const engineDiskBytes = (hostDiskBytes + held) * spec.nodes
      return { engineDiskBytes, ownDiskBytes: 0, memoryBytes: engineMemoryBytes * spec.nodes }
    }
    case 'vm': {
      // The disk is a file with holes: it takes what is in it.
      const ownDiskBytes = Math.min(spec.diskBytes, machineDiskBytes + held)
      return { engineDiskBytes: 0, ownDiskBytes, memoryBytes: spec.memoryBytes }
    }
  }
}

const lack = (what: string, free: number, need: number): string =>
  `${(free / gibibyte).toFixed(1)} GiB of ${what} free, and it takes ${(need / gibibyte).toFixed(1)} GiB`
