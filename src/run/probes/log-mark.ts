/** Where a log ended at a moment, so that what is written later is told from what was there. */
import { type Engine, EngineError, type LogLine } from '../../engines/engine.ts'

/**
 * By the engine's clock alone, which is another than this machine's. Podman tells the time of a line in whole seconds, so that
 * a later line can have the time of the last one: `lines` had it already.
 * Source: Podman's `pkg/api/handlers/compat/containers_logs.go`, which writes times as RFC 3339 without fractions.
 */
export interface LogMark {
  readonly at: string
  readonly lines: number
}

const maxBytes = 1024 * 1024

/** Null: the log is empty. Rejects with `EngineError`. */
export async function markLog(
  containerId: string,
  { engine, signal }: { readonly engine: Engine; readonly signal: AbortSignal },
): Promise<LogMark | null> {
  const logs = (from: { readonly tail?: number; readonly sinceMs?: number }) =>
    engine.containers.logs(containerId, { signal, maxBytes, ...from })
  const last = (await logs({ tail: 1 })).lines.at(-1)
  if (last === undefined) return null
  const { lines } = await logs({ sinceMs: Date.parse(timeOf(last)) })
  const at = timeOf(lines.at(-1) ?? last)
  return { at, lines: Math.max(1, lines.filter((line) => line.at === at).length) }
}

function timeOf({ at }: LogLine): string {
  if (at === null) throw new EngineError('failed', 'the engine does not say when a line of the log was written')
  return at
}

/** Of a log that begins at the mark's time or before. */
export function linesAfter(mark: LogMark, lines: readonly LogLine[]): readonly LogLine[] {
  const end = nanosecondsOf(mark.at)
  let known = mark.lines
  return lines.filter(({ at }) => {
    const time = at === null ? null : nanosecondsOf(at)
    if (time === null || time > end) return true
    if (time === end) known -= 1
    return time === end && known < 0
  })
}

/** Since the epoch, of a time as engines write it: in UTC, with up to nine digits of a second. */
function nanosecondsOf(at: string): bigint {
  const [, fraction = ''] = /\.(\d+)Z$/.exec(at) ?? []
  return BigInt(Date.parse(at.replace(/\.\d+/, ''))) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}
