/** What an engine does where nobody asks: constraints too, written out so that two places can be compared by them. */
import type { Json } from '../model/check.ts'
import type { Constraints } from '../model/constraint.ts'

/** An engine as far as its defaults depend on it. */
export interface EngineKind {
  readonly family: 'docker' | 'podman'
  /** Null where it is not known. */
  readonly major: number | null
}

/** @param engine as it names itself */
export function engineKindOf({ name, version }: { readonly name: string; readonly version: string }): EngineKind {
  const major = Number.parseInt(version, 10)
  return { family: name === 'podman' ? 'podman' : 'docker', major: Number.isNaN(major) ? null : major }
}

/** One default; `default:` and the property's name are its atom. */
export interface EngineDefault {
  readonly property: string
  readonly value: Json
  /** The constraints by which another engine has the same; null where none can say it. */
  readonly imposed: Constraints | null
}

/** Granted unless it is told otherwise. Source: `DefaultCapabilities` of moby/oci, and of containers/common. */
const dockerCapabilities = (
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID ' +
  'SYS_CHROOT'
).split(' ')
const notOfPodman = ['AUDIT_WRITE', 'MKNOD', 'NET_RAW']
const shmBytes = 64 * 1024 ** 2

/** Lowest port of a process that is not root. */
export const portStart = 'sysctls:net.ipv4.ip_unprivileged_port_start'

export function grantedCapabilities(engine: EngineKind): readonly string[] {
  return engine.family === 'docker'
    ? dockerCapabilities
    : dockerCapabilities.filter((name) => !notOfPodman.includes(name))
}

/** In a fixed order, the same properties of every engine. Null as a value: it depends on a version that is not known. */
export function engineDefaults(engine: EngineKind): readonly EngineDefault[] {
  const isPodman = engine.family === 'podman'
  const lowest = isPodman ? '1024' : '0'
  // Denied by Docker's profile since 25.0 (moby#46762), and by containers/common's.
  const deniesUring = isPodman ? true : engine.major === null ? null : engine.major >= 25
  const fact = (property: string, value: Json): EngineDefault => ({ property, value, imposed: null })
  return [
    {
      property: 'capabilities',
      value: [...grantedCapabilities(engine)],
      imposed: isPodman ? { cap_drop: notOfPodman } : {},
    },
    {
      property: portStart,
      value: lowest,
      imposed: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': lowest } },
    },
    { property: 'pids_limit', value: isPodman ? 2048 : 'unlimited', imposed: isPodman ? { pids_limit: 2048 } : {} },
    { property: 'shm_size', value: shmBytes, imposed: { shm_size: shmBytes } },
    fact('tmpfs options', isPodman ? 'noexec,nosuid,nodev,tmpcopyup' : 'noexec,nosuid,nodev'),
    fact('passwd entry of an arbitrary user', isPodman ? 'added' : 'none'),
    fact("the machine's proxy variables", isPodman ? 'injected' : 'not injected'),
    fact('io_uring', deniesUring === null ? null : deniesUring ? 'denied' : 'allowed'),
    fact('HEALTHCHECK of a build', isPodman ? 'dropped' : 'kept'),
  ]
}
