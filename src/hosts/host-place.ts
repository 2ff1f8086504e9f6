/** What a host is called and where its files are, so that later runs find it again. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { stateFolder } from '../lib/state-folder.ts'
import type { HostSpec } from '../model/project.ts'

export type Env = Readonly<Record<string, string | undefined>>

/** The same for equal specs, and different for different ones: `docker-bullseye`, `docker-26-dind-5f0c1e`, `podman-trixie-rootless`, `swarm-trixie-3`. */
export function hostName(spec: HostSpec): string {
  switch (spec.kind) {
    case 'nested': {
      const { engine, release, rootless, runtime } = spec
      return [engine, release, ...(rootless ? ['rootless'] : []), ...(runtime === undefined ? [] : [runtime])].join('-')
    }
    case 'published':
      return `docker-${slugOf(spec.image)}`
    case 'swarm':
      return `swarm-${spec.release}-${spec.nodes}`
    case 'vm': {
      const mebibytes = (bytes: number) => Math.round(bytes / 1024 ** 2)
      return `vm-${spec.release}-${spec.cpus}-${mebibytes(spec.memoryBytes)}-${mebibytes(spec.diskBytes)}`
    }
  }
}

/** Short, of letters that a host's name may have, and another one for every other reference. */
function slugOf(reference: string): string {
  const readable = reference
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(-16)
    .replace(/^-|-$/g, '')
  return `${readable}-${createHash('sha256').update(reference).digest('hex').slice(0, 6)}`
}

/** Folder of all hosts of this user. Kept short: the path of a socket has 107 characters. */
export function hostsFolder(env: Env): string {
  return join(stateFolder(env), 'hosts')
}

/** @param project `matrix.project` */
export function hostFolder(env: Env, project: string, name: string): string {
  return join(hostsFolder(env), project, name)
}
