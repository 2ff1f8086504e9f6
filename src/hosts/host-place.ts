/** What a host is called and where its files are, so that later runs find it again. */
import { join } from 'node:path'
import { stateFolder } from '../lib/state-folder.ts'
import type { HostSpec } from '../model/project.ts'

export type Env = Readonly<Record<string, string | undefined>>

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

/** Folder of all hosts of this user. Kept short: the path of a socket has 107 characters. */
export function hostsFolder(env: Env): string {
  return join(stateFolder(env), 'hosts')
}

/** @param project `matrix.project` */
export function hostFolder(env: Env, project: string, name: string): string {
  return join(hostsFolder(env), project, name)
}
