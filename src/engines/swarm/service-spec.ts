/** Maps a container of the port to a service of one task. */
import type { Constraints, SecurityOption } from '../../model/constraint.ts'
import type { ContainerSpec } from '../engine.ts'
import { clusterName, nameLabel, type ServiceSpec } from './api.ts'

const never = [
  ...['memswap_limit', 'cpuset', 'ipc', 'userns_mode', 'runtime', 'network_mode', 'network.ipv6'],
  ...['security_opt:apparmor', 'security_opt:label', 'security_opt:systempaths'],
]
const since25 = ['security_opt:no-new-privileges', 'security_opt:seccomp']

/**
 * What a service cannot say, or says and the cluster drops.
 *
 * @param version of the oldest engine of the cluster. Source: Docker Engine API, version history, 1.44
 */
export const unsupportedBy = (version: string): readonly string[] =>
  Number.parseInt(version, 10) < 25 ? [...never, ...since25] : never

/** A service without a task; the task comes when it is scaled to one. */
export function serviceSpec(
  spec: ContainerSpec,
  placed: {
    readonly imageId: string
    readonly network: { readonly id: string; readonly aliases: readonly string[] }
    /** Ids of nodes that must not get it. */
    readonly avoid: readonly string[]
  },
): ServiceSpec {
  const { constraints } = spec
  const platform = constraints.platform?.split('/')
  return {
    Name: clusterName(spec.name),
    Labels: { ...spec.labels, [nameLabel]: spec.name },
    TaskTemplate: {
      ContainerSpec: containerSpec(spec, placed.imageId),
      Resources: { Limits: limits(constraints) },
      // One task a container: what ends stays ended, and can be looked at.
      RestartPolicy: { Condition: 'none' },
      Placement: {
        Constraints: placed.avoid.map((id) => `node.id!=${id}`),
        ...(platform === undefined
          ? {}
          : { Platforms: [{ OS: platform[0] ?? 'linux', Architecture: platform[1] ?? '' }] }),
      },
      Networks: [{ Target: placed.network.id, Aliases: [...placed.network.aliases] }],
      LogDriver: { Name: 'json-file', Options: { 'max-size': '10m', 'max-file': '2' } },
    },
    Mode: { Replicated: { Replicas: 0 } },
    // Virtual addresses need a kernel module that not every machine has.
    EndpointSpec: { Mode: 'dnsrr' },
  }
}

function containerSpec(spec: ContainerSpec, imageId: string): Readonly<Record<string, unknown>> {
  const { constraints } = spec
  const { user, hostname, group_add, read_only, dns, extra_hosts, sysctls, ulimits, cap_add, cap_drop } = constraints
  const { stop_signal, stop_grace_period, init, security_opt } = constraints
  const mounts = mountsOf(spec)
  return {
    // By its id, so that no node asks a registry for it.
    Image: imageId,
    Labels: { ...spec.labels },
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    ...(spec.entrypoint === undefined ? {} : { Command: [...spec.entrypoint] }),
    ...(spec.command === undefined ? {} : { Args: [...spec.command] }),
    ...(spec.workingDir === undefined ? {} : { Dir: spec.workingDir }),
    ...(spec.openStdin === true ? { OpenStdin: true } : {}),
    ...(user === undefined ? {} : { User: user }),
    ...(group_add === undefined ? {} : { Groups: [...group_add] }),
    ...(hostname === undefined ? {} : { Hostname: hostname }),
    ...(read_only === undefined ? {} : { ReadOnly: read_only }),
    ...(cap_add === undefined ? {} : { CapabilityAdd: [...cap_add] }),
    ...(cap_drop === undefined ? {} : { CapabilityDrop: [...cap_drop] }),
    ...(security_opt === undefined ? {} : { Privileges: privileges(security_opt) }),
    ...(sysctls === undefined ? {} : { Sysctls: { ...sysctls } }),
    ...(ulimits === undefined
      ? {}
      : { Ulimits: Object.entries(ulimits).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })) }),
    ...(dns === undefined ? {} : { DNSConfig: { Nameservers: [...dns] } }),
    ...(extra_hosts === undefined
      ? {}
      : { Hosts: Object.entries(extra_hosts).map(([name, address]) => `${address} ${name}`) }),
    ...(init === undefined ? {} : { Init: init }),
    ...(stop_signal === undefined ? {} : { StopSignal: stop_signal }),
    ...(stop_grace_period === undefined ? {} : { StopGracePeriod: Math.round(stop_grace_period * 1e6) }),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
  }
}

/**
 * Nothing is reserved: a cluster places no task for which a machine does not have what it reserves, and a stack that is
 * granted much and takes little runs everywhere else. Cells are let in by what their limits add up to, which is never more
 * than one machine has. Seen with Docker 26.1: a limit above a machine's memory is placed, the same as a reservation is not.
 */
function limits({ cpus, mem_limit, pids_limit }: Constraints): Readonly<Record<string, number>> {
  return {
    ...(cpus === undefined ? {} : { NanoCPUs: Math.round(cpus * 1e9) }),
    ...(mem_limit === undefined ? {} : { MemoryBytes: mem_limit }),
    ...(pids_limit === undefined ? {} : { Pids: pids_limit }),
  }
}

function privileges(options: readonly SecurityOption[]): Readonly<Record<string, unknown>> {
  const result: Record<string, unknown> = {}
  for (const { text, profile } of options) {
    if (text.startsWith('no-new-privileges')) result['NoNewPrivileges'] = !/[:=]false$/.test(text)
    if (profile !== undefined) {
      result['Seccomp'] = { Mode: 'custom', Profile: Buffer.from(profile).toString('base64') }
    } else if (/^seccomp[:=]unconfined$/.test(text)) {
      result['Seccomp'] = { Mode: 'unconfined' }
    }
  }
  return result
}

interface Mount {
  readonly Type: 'volume' | 'tmpfs'
  readonly Target: string
  readonly Source?: string
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number }
  readonly VolumeOptions?: object
}

function mountsOf(spec: ContainerSpec): readonly Mount[] {
  const { tmpfs, shm_size } = spec.constraints
  return [
    ...spec.volumes.map(
      ({ name, target }): Mount => ({
        Type: 'volume',
        Target: target,
        ...(name === null ? {} : { Source: name }),
      }),
    ),
    ...Object.entries(tmpfs ?? {}).map(([target, options]) => tmpfsMount(target, options)),
    // A service has no field for it; a tmpfs in its place is what the engine makes of the field elsewhere.
    ...(shm_size === undefined
      ? []
      : [{ Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: shm_size, Mode: 0o1777 } } as const]),
  ]
}

/** What a tmpfs of a service has anyway. */
const defaults = ['noexec', 'nosuid', 'nodev', 'rw']

/** Where the options are more than a size and a mode, the engine's local volumes take them as mount(8) does. */
export function tmpfsMount(target: string, text: string): Mount {
  const options = text.split(',').filter((option) => option !== '')
  const size = options.find((option) => option.startsWith('size='))
  const mode = options.find((option) => option.startsWith('mode='))
  const bytes = size === undefined ? null : bytesOf(size.slice('size='.length))
  const plain = options.every((option) => option === size || option === mode || defaults.includes(option))
  if (plain && (size === undefined || bytes !== null)) {
    return {
      Type: 'tmpfs',
      Target: target,
      TmpfsOptions: {
        ...(bytes === null ? {} : { SizeBytes: bytes }),
        ...(mode === undefined ? {} : { Mode: Number.parseInt(mode.slice('mode='.length), 8) }),
      },
    }
  }
  const named = new Set(options.map((option) => option.replace(/^no/, '')))
  const o = [...defaults.filter((option) => !named.has(option.replace(/^no/, ''))), ...options].join(',')
  const driver = { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o } }
  return { Type: 'volume', Target: target, VolumeOptions: { NoCopy: true, DriverConfig: driver } }
}

function bytesOf(text: string): number | null {
  const [, digits, unit] = /^(\d+)([kmg]?)b?$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) return null
  return Number(digits) * ({ '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1)
}
