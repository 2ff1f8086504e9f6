/** Docker's client configuration, as far as it says which engine a plain `docker` would talk to. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ClientFiles {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
}
export interface DockerContext {
  readonly name: string
  /** Its host, such as `unix:///…`, `ssh://…`; null where the context is not defined. */
  readonly host: string | null
}

/** The context that DOCKER_CONTEXT or the configuration file names; null where that is the default one. */
export function currentContext(files: ClientFiles): DockerContext | null {
  const name = files.env['DOCKER_CONTEXT'] || configuredContext(files)
  return name === null || name === 'default' ? null : { name, host: contextHost(name, files) }
}

/** The host of a context by its name. Source: the context store of Docker's client, `contexts/meta/<sha256 of the name>`. */
export function contextHost(name: string, files: ClientFiles): string | null {
  const meta = readJson(join(configFolder(files), 'contexts/meta', idOf(name), 'meta.json'))
  const host = field(field(field(meta, 'Endpoints'), 'docker'), 'Host')
  return typeof host === 'string' && host !== '' ? host : null
}

/** Where a context keeps its certificates; it need not exist. */
export function contextTlsFolder(name: string, files: ClientFiles): string {
  return join(configFolder(files), 'contexts/tls', idOf(name), 'docker')
}

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex')

function configuredContext(files: ClientFiles): string | null {
  const name = field(readJson(join(configFolder(files), 'config.json')), 'currentContext')
  return typeof name === 'string' && name !== '' ? name : null
}

function configFolder({ env, home }: ClientFiles): string {
  return env['DOCKER_CONFIG'] || join(home, '.docker')
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
