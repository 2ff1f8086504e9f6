/** What a host is called and where its files are, so that later runs find it again. */
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { HostSpec } from '../model/project.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The same for equal specs, and different for different ones: `docker-bullseye`, `podman-trixie-rootless`, `swarm-trixie-3`. */
export function hostName(spec: HostSpec): string {
  switch (spec.kind) {
    case 'nested': {
      const { engine, release, rootless, runtime } = spec
      return [engine, release, ...(rootless ? ['rootless'] : []), ...(runtime === undefined ? [] : [runtime])].join('-')
    }
    case 'swarm':
      return `swarm-${spec.release}-${spec.nodes}`
    case 'vm': {
      const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2)
      return `vm-${spec.release}-${spec.cpus}-${mebibytes(spec.memoryBytes)}-${mebibytes(spec.diskBytes)}`
    }
  }
}

/** Folder of all hosts of this user; `MATRIX_ENGINE_DIR` moves it. Kept short: the path of a socket has 107 characters. */
export function hostsFolder(env: Env): string {
  const other = env['MATRIX_ENGINE_DIR']
  if (other) return join(other, 'hosts')
  if (userInfo().uid === 0) return '/var/lib/matrix/hosts'
  return join(env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local/state'), 'matrix/hosts')
}

/** @param project `matrix.project` */
export function hostFolder(env: Env, project: string, name: string): string {
  return join(hostsFolder(env), project, name)
}
