/** What engines behind the Docker API are known to accept and not to do. */

export interface EngineKind {
  readonly name: string
  readonly version: string
  readonly rootless: boolean
  /** `v1` or `v2`. */
  readonly cgroup: string
  readonly ociRuntime: string | undefined
}

const sandboxKeys = ['sysctls', 'security_opt:seccomp', 'security_opt:apparmor']
const controlGroupKeys = ['mem_limit', 'memswap_limit', 'cpus', 'cpuset', 'pids_limit']

/**
 * Keys of constraints that such an engine does not enforce.
 *
 * - Without root, control groups of version 1 cannot be written. Source: podman-run(1), "not supported on cgroups V1
 *   rootless systems"; seen with Podman 5.4.
 * - Podman gives a user who is a number a line in /etc/passwd, and this API has no word against it. Source:
 *   podman-run(1), `--passwd`.
 * - Podman takes a seccomp profile over this API only as a path on its own machine, and refuses its content. Seen with
 *   Podman 4.3 and 5.4.
 * - Without root, Podman before 5.5 drops `ulimits` that come over this API. Source: containers/podman#25881.
 * - A gVisor sandbox has a kernel of its own, without most sysctls and without the engine's profiles. Seen with runsc
 *   20240729.
 */
export function unenforcedBy(kind: EngineKind): ReadonlySet<string> {
  const { rootless, cgroup, name } = kind
  return new Set([
    ...(rootless && cgroup === 'v1' ? controlGroupKeys : []),
    ...(kind.ociRuntime === 'runsc' ? sandboxKeys : []),
    ...(name === 'podman' ? ['user:no-passwd-entry', 'security_opt:seccomp:profile'] : []),
    ...(rootless && name === 'podman' && isBefore(kind.version, [5, 5]) ? ['ulimits'] : []),
  ])
}

function isBefore(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return ownMajor < major || (ownMajor === major && ownMinor < minor)
}
