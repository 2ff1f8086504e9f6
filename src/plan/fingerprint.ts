/** What a cell's answer depends on, as one hash: the same fingerprint should give the same answer. */
import { createHash, createHmac } from 'node:crypto'
import type { Copy, RunnableCell } from '../model/plan.ts'
import type { EngineRecord } from '../model/run-record.ts'
import { canonicalJson } from './plan.ts'

export interface FingerprintInput {
  /** Alias → image id. */
  readonly images: ReadonlyMap<string, string>
  readonly engine: EngineRecord
  readonly toolVersion: string
  /** The value of a secret; it enters the hash keyed by the project's id, never plain. */
  readonly secret: (name: string) => string
  readonly secretKey: string
}

/** `f1:` and 64 hex digits. */
export function fingerprintOf(cell: RunnableCell, input: FingerprintInput): string {
  const { name, version, ociRuntime, kernel, arch } = input.engine
  const secret = (of: string) => createHmac('sha256', input.secretKey).update(input.secret(of)).digest('hex')
  const content = contentOf(cell, { image: (copy) => input.images.get(copy.alias), secret })
  const engine = { name, version, ociRuntime, kernel, arch }
  return `f1:${hashOf({ ...content, tool: input.toolVersion, engine })}`
}

/**
 * `d1:` and 64 hex digits: as much of the fingerprint as is known without an engine, so that an earlier answer can be
 * held against what the project declares today.
 *
 * @param sources build key → hash of what the image is made from
 */
export function declarationOf(
  cell: RunnableCell,
  input: { readonly sources: ReadonlyMap<string, string>; readonly engine: unknown },
): string {
  const content = contentOf(cell, { image: (copy) => input.sources.get(copy.buildKey), secret: (name) => name })
  return `d1:${hashOf({ ...content, engine: input.engine })}`
}

function contentOf(
  cell: RunnableCell,
  input: { readonly image: (copy: Copy) => string | undefined; readonly secret: (name: string) => string },
) {
  const copies = cell.copies.map((copy) => ({
    alias: copy.alias,
    image: input.image(copy),
    constraints: copy.config.constraints,
    volumes: copy.config.volumes,
    command: copy.config.command,
    entrypoint: copy.config.entrypoint,
    workingDir: copy.config.workingDir,
    ports: copy.config.ports,
    environment: Object.fromEntries(
      Object.entries(copy.config.environment).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : { keyed: input.secret(value.secret) },
      ]),
    ),
    readiness: withoutLocations(copy.readiness),
  }))
  const { network, contract, timeScale } = cell
  return { copies, checks: withoutLocations(cell.checks), network, contract, timeScale }
}

const hashOf = (content: unknown): string => createHash('sha256').update(canonicalJson(content)).digest('hex')

/** Moving a check down a line does not change its answer. */
function withoutLocations(value: unknown): unknown {
  return value === undefined
    ? undefined
    : JSON.parse(JSON.stringify(value, (key, entry: unknown) => (key === 'at' ? undefined : entry)))
}
