/** Keeps what is known of a cell's containers before they are removed: state, requests, logs. */
import type { ContainerLogs, ContainerState, Engine } from '../engines/engine.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { EvidenceRef } from '../model/run-record.ts'
import { redact, redactJson } from './redact.ts'

const logLines = 200
const logBytes = 256 * 1024

interface Blob {
  readonly name: string
  readonly mediaType: string
  readonly content: string
}

interface EvidenceContext {
  readonly cell: RunnableCell
  readonly engine: Engine
  readonly sink: EvidenceSink
  readonly redact: readonly string[]
  /** The most memory that each held, too: an engine takes up to a second to tell. */
  readonly peaks: boolean
  /** Alias → bytes that its container held when nothing was asked of it. */
  readonly restMemory: Readonly<Record<string, number>>
  readonly signal: AbortSignal
}

/**
 * What cannot be had any more is left out; gathering evidence never changes a cell's outcome. There is room for so much of a
 * cell: what tells most is kept first.
 *
 * @param containers the stack's own first, where there is one
 */
export async function captureEvidence(
  containers: readonly (readonly [alias: string, containerId: string])[],
  context: EvidenceContext,
): Promise<readonly EvidenceRef[]> {
  const [own, ...needs] = await Promise.all(containers.map((container) => captured(container, context)))
  const found = [
    own?.log,
    own?.state,
    ...needs.map(({ log }) => log),
    restMemoryOf(context),
    ...needs.map(({ state }) => state),
  ]
  const refs: EvidenceRef[] = []
  for (const blob of found) if (blob) refs.push(await context.sink.put({ ...blob, cell: context.cell.id }))
  return refs
}

async function captured(
  [alias, id]: readonly [alias: string, containerId: string],
  context: EvidenceContext,
): Promise<{ readonly log: Blob | null; readonly state: Blob | null }> {
  const { cell, engine, signal } = context
  const [state, logs, peakBytes] = await Promise.all([
    engine.containers.inspect(id, { signal }).catch(() => null),
    engine.containers.logs(id, { signal, tail: logLines, maxBytes: logBytes }).catch(() => null),
    context.peaks ? engine.containers.peakMemory(id, { signal }).catch(() => null) : null,
  ])
  const told = state === null ? null : redactJson(described(alias, { cell, state, peakBytes }), context.redact)
  return {
    log: logs && { name: `${alias} log`, mediaType: 'text/plain', content: redact(textOf(logs), context.redact) },
    state: told === null ? null : jsonBlob(`${alias} state`, told),
  }
}

function textOf({ lines, cutBytes }: ContainerLogs): string {
  const cut = cutBytes > 0 ? `[${cutBytes} bytes cut]\n` : ''
  return (
    cut + lines.map(({ at, stream, text }) => `${at ?? ''} ${stream === 'stderr' ? 'err' : 'out'} ${text}\n`).join('')
  )
}

const restMemoryOf = ({ restMemory }: EvidenceContext): Blob | null =>
  Object.keys(restMemory).length === 0 ? null : jsonBlob('memory at rest', restMemory)

const jsonBlob = (name: string, value: unknown): Blob => ({
  name,
  mediaType: 'application/json',
  content: JSON.stringify(value, null, 2),
})

function described(
  alias: string,
  seen: { readonly cell: RunnableCell; readonly state: ContainerState; readonly peakBytes: number | null },
): unknown {
  const { raw, claims, ...state } = seen.state
  return {
    container: alias,
    ...state,
    peakMemoryBytes: seen.peakBytes,
    requested: seen.cell.copies.find((copy) => copy.alias === alias)?.config.constraints,
    applied: claims,
  }
}
