/** What every probe is given beside its own fields. */
import type { Engine, Labels } from '../../engines/engine.ts'
import { EngineError } from '../../engines/engine.ts'
import { DeadlineError } from '../../lib/abort.ts'
import type { Clock } from '../../lib/clock.ts'
import { oneLine } from '../../lib/printable.ts'
import type { SecretOrText, Vantage } from '../../model/check.ts'
import type { NoReply, Observation } from '../../model/observation.ts'
import type { LogMark } from './log-mark.ts'
import { DialError, type ProbeTarget } from './target.ts'

export interface ProbeContext {
  readonly engine: Engine
  readonly target: ProbeTarget
  readonly clock: Clock
  /** Aborts with a `DeadlineError` when the probe's own time is over. */
  readonly signal: AbortSignal
  readonly from: Vantage
  readonly secret: (name: string) => string
  /** For containers that a probe starts. */
  readonly labels: Labels
  readonly cookies: CookieJar
  /** Where the log ended as the check began; null: it was empty. Rejects with `EngineError`. */
  readonly logMark: () => Promise<LogMark | null>
}

/** Name → value; the cookies of one check. */
export type CookieJar = Map<string, string>

export function plain(value: SecretOrText, secret: (name: string) => string): string {
  return typeof value === 'string' ? value : secret(value.secret)
}

/** The number behind a port's name; the loader has checked that there is one. */
export function portOf(target: ProbeTarget, name: string): number {
  const port = target.ports[name]
  if (port === undefined) throw new Error(`${target.alias} has no port "${name}"`)
  return port
}

/** Why nothing could be observed. */
export function trouble(error: unknown): Extract<Observation, { kind: 'unobserved' }> {
  const lost = { unreachable: 'engine-lost', 'node-lost': 'node-lost' } as const
  const code = error instanceof EngineError ? error.code : null
  const reason = code === 'unreachable' || code === 'node-lost' ? lost[code] : 'unobservable'
  return { kind: 'unobserved', reason, message: oneLine(error instanceof Error ? error.message : String(error)) }
}

/** A failure to get an answer: the workload's silence as an observation, everything else as `unobserved`. */
export function silence(
  error: unknown,
  signal: AbortSignal,
): { readonly noReply: NoReply } | { readonly unobserved: Extract<Observation, { kind: 'unobserved' }> } {
  if (error instanceof EngineError) return { unobserved: trouble(error) }
  if (error instanceof DialError) {
    if (error.relayFault) return { unobserved: { kind: 'unobserved', reason: 'unobservable', message: error.message } }
    return { noReply: { reason: error.reason, message: error.message } }
  }
  const why = signal.aborted ? (signal.reason as unknown) : error
  if (why instanceof DeadlineError) return { noReply: { reason: 'deadline', message: why.message } }
  if (signal.aborted) throw signal.reason
  return {
    noReply: {
      reason: 'unreachable',
      message: `the connection broke: ${oneLine(error instanceof Error ? error.message : String(error))}`,
    },
  }
}
