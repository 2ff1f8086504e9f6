/** Who signs the certificates of registries, for engines of hosts that Matrix makes: those trust no more than Debian does. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { namesIn } from '../lib/files.ts'
import type { Project } from '../model/project.ts'

export interface RegistryAuthority {
  /** `host[:port]` of the registry. */
  readonly server: string
  /** Certificates (PEM). */
  readonly certificates: string
}

/** Of every registry of a project that names one. */
export function authoritiesOf({ registry, environments }: Project): readonly RegistryAuthority[] {
  const registries = [registry, ...environments.map((environment) => environment.registry)]
  return registries.flatMap((one) => {
    if (one?.authority === undefined) return []
    return [{ server: one.address.split('/', 1)[0] ?? one.address, certificates: readFileSync(one.authority, 'utf8') }]
  })
}

/** A folder that Docker and Podman read as `certs.d`. Source: their manuals, docker-engine certificates and containers-certs.d(5). */
export function writeAuthorities(folder: string, authorities: readonly RegistryAuthority[]): void {
  for (const server of namesIn(folder)) {
    if (!authorities.some((one) => one.server === server)) rmSync(join(folder, server), { recursive: true })
  }
  for (const { server, certificates } of authorities) {
    const path = join(folder, server, 'ca.crt')
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    writeFileSync(path, certificates, { mode: 0o644 })
  }
}
