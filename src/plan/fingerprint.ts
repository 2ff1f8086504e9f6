/** What a cell's answer depends on, as one hash: the same fingerprint should give the same answer. */
import { createHash, createHmac } from 'node:crypto'
import type { RunnableCell } from '../model/plan.ts'
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
  const copies = cell.copies.map((copy) => ({
    alias: copy.alias,
    image: input.images.get(copy.alias),
    constraints: copy.config.constraints,
    volumes: copy.config.volumes,
    command: copy.config.command,
    entrypoint: copy.config.entrypoint,
    workingDir: copy.config.workingDir,
    ports: copy.config.ports,
    environment: Object.fromEntries(
      Object.entries(copy.config.environment).map(([name, value]) => [
        name,
        typeof value === 'string'
          ? value
          : { keyed: createHmac('sha256', input.secretKey).update(input.secret(value.secret)).digest('hex') },
      ]),
    ),
    readiness: withoutLocations(copy.readiness),
  }))
  const { name, version, ociRuntime, kernel, arch } = input.engine
  const content = canonicalJson({
    copies,
    checks: withoutLocations(cell.checks),
    network: cell.network,
    contract: cell.contract,
    timeScale: cell.timeScale,
    tool: input.toolVersion,
    engine: { name, version, ociRuntime, kernel, arch },
  })
  return `f1:${createHash('sha256').update(content).digest('hex')}`
}

/** Moving a check down a line does not change its answer. */
function withoutLocations(value: unknown): unknown {
  return value === undefined
    ? undefined
    : JSON.parse(JSON.stringify(value, (key, entry: unknown) => (key === 'at' ? undefined : entry)))
}
