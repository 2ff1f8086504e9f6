/** Keeps what is known of a cell's containers before they are removed: state, requests, logs. */
import type { ContainerState, Engine } from '../engines/engine.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { EvidenceRef } from '../model/run-record.ts'
import { redact, redactJson } from './redact.ts'

const logLines = 200
const logBytes = 256 * 1024

/** What each container of a cell held in memory when nothing was asked of it. */
export async function keepRestMemory(
  bytes: Readonly<Record<string, number>>,
  options: { readonly cell: string; readonly sink: EvidenceSink },
): Promise<readonly EvidenceRef[]> {
  if (Object.keys(bytes).length === 0) return []
  const content = JSON.stringify(bytes, null, 2)
  return [
    await options.sink.put({ name: 'memory at rest', mediaType: 'application/json', content, cell: options.cell }),
  ]
}

/** What cannot be had any more is left out; gathering evidence never changes a cell's outcome. */
export async function captureEvidence(
  containers: readonly (readonly [alias: string, containerId: string])[],
  context: {
    readonly cell: RunnableCell
    readonly engine: Engine
    readonly sink: EvidenceSink
    readonly redact: readonly string[]
    /** The most memory that each held, too: an engine takes up to a second to tell. */
    readonly peaks: boolean
    readonly signal: AbortSignal
  },
): Promise<readonly EvidenceRef[]> {
  const { cell, engine, sink, signal } = context
  const refs: EvidenceRef[] = []
  const keep = async (name: string, mediaType: string, content: string) => {
    refs.push(await sink.put({ name, mediaType, content, cell: cell.id }))
  }
  await Promise.all(
    containers.map(async ([alias, id]) => {
      const [state, logs, peakBytes] = await Promise.all([
        engine.containers.inspect(id, { signal }).catch(() => null),
        engine.containers.logs(id, { signal, tail: logLines, maxBytes: logBytes }).catch(() => null),
        context.peaks ? engine.containers.peakMemory(id, { signal }).catch(() => null) : null,
      ])
      if (logs) {
        const cut = logs.cutBytes > 0 ? `[${logs.cutBytes} bytes cut]\n` : ''
        const lines = logs.lines.map(
          (line) => `${line.at ?? ''} ${line.stream === 'stderr' ? 'err' : 'out'} ${line.text}\n`,
        )
        await keep(`${alias} log`, 'text/plain', redact(cut + lines.join(''), context.redact))
      }
      if (state)
        await keep(
          `${alias} state`,
          'application/json',
          JSON.stringify(redactJson(described(alias, { cell, state, peakBytes }), context.redact), null, 2),
        )
    }),
  )
  return refs
}

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
