/** What engines behind the Docker API are known to accept and not to do. */

import { usualIds } from '../../model/constraint.ts'

export interface EngineKind {
  readonly name: string
  readonly version: string
  readonly rootless: boolean
  /** `v1` or `v2`. */
  readonly cgroup: string
  readonly ociRuntime: string | undefined
  /** Controllers of control groups that it may use, as it says itself; undefined: not told, or not asked yet. */
  readonly controllers?: ReadonlySet<string> | undefined
  /** How many ids its containers have, as it says itself; undefined: not told, or not asked yet. */
  readonly ids?: number | undefined
}

/** Users and groups that `limitName` calls so have no id in an engine without root. */
const unmappedKeys = ['user:not-mapped', 'group_add:not-mapped']
const sandboxKeys = ['sysctls', 'security_opt:seccomp', 'security_opt:apparmor']
/** Key → the controller that enforces it. `swap` is part of `memory` where an engine tells them apart. */
const controllerOf = { mem_limit: 'memory', memswap_limit: 'swap', cpus: 'cpu', cpuset: 'cpuset', pids_limit: 'pids' }
const controlGroupKeys = Object.keys(controllerOf)

/**
 * Keys of constraints that such an engine does not enforce.
 *
 * - Without root, control groups of version 1 cannot be written. Source: podman-run(1), "not supported on cgroups V1
 *   rootless systems"; seen with Podman 5.4.
 * - Without root, a container has the ids that /etc/subuid gives, and its start as any other is refused. Source:
 *   user_namespaces(7); seen with Docker 26.1 and Podman 5.4.
 * - Without a controller, what it would limit is dropped by Docker with a warning, and refused by Podman's runtime. Under
 *   version 2 who is not root has those that were delegated, often memory and pids alone.
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
    ...(rootless && (kind.ids ?? usualIds) <= usualIds ? unmappedKeys : []),
    ...Object.entries(controllerOf).flatMap(([key, name]) => (kind.controllers?.has(name) === false ? [key] : [])),
    ...(kind.ociRuntime === 'runsc' ? sandboxKeys : []),
    ...(name === 'podman' ? ['user:no-passwd-entry', 'security_opt:seccomp:profile'] : []),
    ...(rootless && name === 'podman' && isBefore(kind.version, [5, 5]) ? ['ulimits'] : []),
  ])
}

/** As Docker's `/info` tells them: what it says false of it drops. Source: Engine API, SystemInfo. */
export function controllersOfDocker(info: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const flags = { memory: 'MemoryLimit', swap: 'SwapLimit', cpu: 'CpuCfsQuota', cpuset: 'CPUSet', pids: 'PidsLimit' }
  return new Set(Object.entries(flags).flatMap(([name, flag]) => (info[flag] === false ? [] : [name])))
}

/** As Podman's own API lists them; undefined where it lists none, as under version 1. */
export function controllersOfPodman(listed: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (listed === undefined || listed.length === 0) return undefined
  return new Set(listed.flatMap((name) => (name === 'memory' ? ['memory', 'swap'] : [name])))
}

/** From Podman's own API; undefined where it lists none, as with root. Source: docs.podman.io, /libpod/info, `idMappings`. */
export function idsOfPodman(listed: readonly { readonly size: number }[] | null | undefined): number | undefined {
  return listed?.reduce((sum, { size }) => sum + size, 0)
}

function isBefore(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return ownMajor < major || (ownMajor === major && ownMinor < minor)
}
