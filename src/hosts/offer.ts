/** Whether this machine can offer a host, judged by what it has, before anything is made. */
import { existsSync } from 'node:fs'
import type { HostSpec } from '../model/project.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand, missingPrograms, type Program, vmPrograms } from './packages.ts'

/** What is asked of the machine. */
export interface MachineOffer extends Pick<MachineFacts, 'root' | 'freeMemoryBytes' | 'freeDiskBytes'> {
  readonly platform: string
  readonly arch: string
  readonly missing: readonly Program[]
  readonly devices: ReadonlySet<string>
}

/** `mend` null: nothing can be done about it here. */
export interface Shortage {
  /** `program`: whoever brings the host up may install it. */
  readonly of: 'system' | 'program' | 'device' | 'disk' | 'memory'
  readonly what: string
  readonly mend: string | null
}

const gibibyte = 1024 ** 3
// An engine with the images of a small project; the root file system of a host is a quarter of a gibibyte.
const engineDiskBytes = 3 * gibibyte
const engineMemoryBytes = 0.25 * gibibyte

/** Everything that is missing for a host that was not made yet; empty where it can be had. */
export function shortages(spec: HostSpec, machine: MachineOffer): readonly Shortage[] {
  if (machine.platform !== 'linux')
    return [{ of: 'system', what: 'it needs Linux', mend: 'engine: { connect: … } reaches an engine elsewhere' }]
  const need = needOf(spec)
  const programs = machine.missing.filter((program) => need.programs.includes(program))
  const found: Shortage[] = []
  if (!machine.root && spec.kind === 'vm')
    found.push({ of: 'system', what: 'only root can unpack its packages', mend: 'run as root' })
  if (spec.kind === 'vm' && machine.arch !== 'x64')
    found.push({ of: 'system', what: 'it is made for x86-64 only', mend: null })
  if (programs.length > 0)
    found.push({ of: 'program', what: `missing: ${programs.join(', ')}`, mend: installCommand(programs) })
  for (const device of need.devices.filter((path) => !machine.devices.has(path))) {
    found.push({
      of: 'device',
      what: `there is no ${device}`,
      mend: `modprobe ${device === '/dev/fuse' ? 'fuse' : 'tun'}`,
    })
  }
  if (machine.freeDiskBytes !== null && machine.freeDiskBytes < need.diskBytes) {
    found.push({
      of: 'disk',
      what: lack('disk', machine.freeDiskBytes, need.diskBytes),
      mend: 'matrix clean --all frees what Matrix uses',
    })
  }
  if (machine.freeMemoryBytes < need.memoryBytes) {
    found.push({
      of: 'memory',
      what: lack('memory', machine.freeMemoryBytes, need.memoryBytes),
      mend: 'ask for less, or stop something',
    })
  }
  return found
}

/** Asks this machine. */
export function machineOffer(facts: MachineFacts, env: Readonly<Record<string, string | undefined>>): MachineOffer {
  const devices = ['/dev/fuse', '/dev/net/tun'].filter((path) => existsSync(path))
  const { root, freeMemoryBytes, freeDiskBytes, arch, platform } = facts
  const missing = missingPrograms([...vmPrograms], env)
  return { platform, arch, root, freeMemoryBytes, freeDiskBytes, missing, devices: new Set(devices) }
}

function needOf(spec: HostSpec): {
  readonly programs: readonly Program[]
  readonly devices: readonly string[]
  readonly diskBytes: number
  readonly memoryBytes: number
} {
  switch (spec.kind) {
    case 'nested': {
      const devices = spec.rootless ? ['/dev/fuse', '/dev/net/tun'] : []
      return { programs: ['mmdebstrap'], devices, diskBytes: engineDiskBytes, memoryBytes: engineMemoryBytes }
    }
    case 'swarm': {
      const { nodes } = spec
      return {
        programs: ['mmdebstrap'],
        devices: [],
        diskBytes: engineDiskBytes * nodes,
        memoryBytes: engineMemoryBytes * nodes,
      }
    }
    case 'vm':
      // The disk is a file with holes: it takes what is in it.
      return {
        programs: vmPrograms,
        devices: [],
        diskBytes: Math.min(spec.diskBytes, 6 * gibibyte),
        memoryBytes: spec.memoryBytes,
      }
  }
}

const lack = (what: string, free: number, need: number): string =>
  `${(free / gibibyte).toFixed(1)} GiB of ${what} free, and it takes ${(need / gibibyte).toFixed(1)} GiB`
