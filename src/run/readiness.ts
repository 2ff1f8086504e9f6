/** Waits until a workload is ready: polls until first true, and ends at once when it cannot come true any more. */
import { match } from '../checks/matcher.ts'
import { judge } from '../checks/registry.ts'
import type { Engine, Labels } from '../engines/engine.ts'
import { anyOf, deadline } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import type { Readiness } from '../model/check.ts'
import type { Observation } from '../model/observation.ts'
import type { Reason } from '../model/outcome.ts'
import type { RunnableCell } from '../model/plan.ts'
import { trouble } from './probes/context.ts'
import { observe } from './probes/observe.ts'
import { listensElsewhere, type ProbeTarget } from './probes/target.ts'
import { redact } from './redact.ts'

/** How long a copy may take until it is ready: what it says itself, or what its environment grants where that is less. */
export function readyWithinMs(readiness: Readiness, cell: Pick<RunnableCell, 'contract' | 'timeScale'>): number {
  return Math.min(readiness.deadlineMs, cell.contract.readyWithinMs ?? Number.POSITIVE_INFINITY) * cell.timeScale
}

export interface ReadinessContext {
  readonly engine: Engine
  readonly target: ProbeTarget
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly deadlineMs: number
  readonly secret: (name: string) => string
  readonly redact: readonly string[]
  readonly labels: Labels
  /** Resolves when the container ends. */
  readonly died: Promise<unknown>
}
export type ReadinessResult =
  | { readonly outcome: 'ready'; readonly attempts: number }
  | {
      readonly outcome: 'not-ready'
      /** It could not be observed whether it was. */
      readonly error: boolean
      readonly reason: Reason
      readonly message: string
      readonly attempts: number
    }

/** How long the news of a container's end may take. */
const deathNewsMs = 500

/** Of all the time that there is: an answer is not to be missed for long. */
const longestPause = 1 / 20

/**
 * Attempts are spaced from 10 ms growing to 1 s, and by twice what one takes: on a slow machine whoever asks without a pause
 * takes from a workload what it needs to become ready. (Seen: an emulated one was asked for five of six seconds.) One takes
 * half of the time at most, so that one that hangs is not the last.
 */
export async function waitReady(readiness: Readiness, context: ReadinessContext): Promise<ReadinessResult> {
  const { clock } = context
  const ending = new AbortController()
  const ended = new Error('the container ended')
  void context.died.then(() => ending.abort(ended))
  const stop = watchLog(readiness, context, (why) => ending.abort(why))
  using limit = deadline(context.deadlineMs, anyOf(context.signal, ending.signal))
  const until = clock.now() + context.deadlineMs
  let attempts = 0
  let last: { reason: Reason; message: string; error: boolean } = {
    reason: 'deadline',
    message: 'no attempt was made',
    error: false,
  }
  let lastSeen: Observation | null = null
  const notReady = (result: { reason: Reason; message: string; error?: boolean }): ReadinessResult => ({
    outcome: 'not-ready',
    error: result.error ?? false,
    reason: result.reason,
    message: redact(result.message, context.redact),
    attempts,
  })
  try {
    for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.6, 1000)) {
      attempts += 1
      const startedAtMs = clock.now()
      using patience = deadline(context.deadlineMs / 2, limit.signal)
      const observation = await observe(readiness.probe, {
        ...context,
        signal: patience.signal,
        from: readiness.from,
        cookies: new Map(),
        logMark: async () => null,
      })
      const verdict = await judge(readiness.probe, observation)
      if (verdict.outcome === 'pass') return { outcome: 'ready', attempts }
      if (observation.kind === 'exec' && (observation.exitCode === 126 || observation.exitCode === 127)) {
        // A container that is just ending refuses commands with the same exit code; its end is the reason then.
        await clock.sleep(deathNewsMs, anyOf(context.signal, ending.signal))
        return notReady({
          reason: 'command',
          message: `the command cannot be run: ${observation.stderr || observation.stdout}`,
        })
      }
      // An attempt that the deadline cut short says less than the one before it.
      if (verdict.reason !== 'deadline' || attempts === 1) {
        lastSeen = observation
        last = {
          reason: verdict.reason ?? 'mismatch',
          message: verdict.message ?? '',
          error: verdict.outcome === 'error',
        }
      }
      if (last.reason === 'engine-lost' || last.reason === 'node-lost') return notReady(last)
      if (clock.now() >= until) break
      const ownMs = Math.min(2 * (clock.now() - startedAtMs), context.deadlineMs * longestPause)
      await clock.sleep(Math.min(Math.max(waitMs, ownMs), Math.max(1, until - clock.now())), limit.signal)
    }
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason
    if (ending.signal.reason instanceof FailOn) {
      return notReady({ reason: 'fail-on', message: `the log says: ${ending.signal.reason.message}` })
    }
    if (ending.signal.reason instanceof Unwatched) return notReady({ ...ending.signal.reason.seen, error: true })
    if (ending.signal.aborted) return notReady({ reason: 'exited', message: 'the container ended before it was ready' })
    if (!limit.signal.aborted) throw error
  } finally {
    stop()
  }
  const elsewhere = lastSeen === null ? '' : await listensElsewhere(lastSeen, context)
  const message = `not ready within ${Math.round(context.deadlineMs)} ms; the last of ${attempts} attempts: ${last.message}${elsewhere}`
  return notReady({ reason: last.error ? last.reason : 'deadline', message, error: last.error })
}

class FailOn extends Error {}
/** The log that a line was looked for in could not be read on. */
class Unwatched extends Error {
  readonly seen: { readonly reason: Reason; readonly message: string }
  constructor(error: unknown) {
    super('the log could not be read on', { cause: error })
    const { reason, message } = trouble(error)
    this.seen = { reason, message: `the log could not be watched for a line of fail_on: ${message}` }
  }
}

/** Follows the log where a line of it may end the wait. */
function watchLog(readiness: Readiness, context: ReadinessContext, onEnd: (why: Error) => void): () => void {
  const { failOn } = readiness
  if (failOn === undefined) return () => {}
  const following = new AbortController()
  const signal = anyOf(context.signal, following.signal)
  void (async () => {
    for await (const line of await context.engine.containers.followLogs(context.target.containerId, { signal })) {
      const told = await match(failOn, line.text)
      if (told.outcome === 'pass') return onEnd(new FailOn(line.text))
      if (told.outcome === 'error') return onEnd(new Unwatched(new Error(told.message)))
    }
  })().catch(async (error: unknown) => {
    // A container that is just ending may take its log with it; its end is the reason then.
    await context.clock.sleep(deathNewsMs, signal).catch(() => {})
    if (!signal.aborted) onEnd(new Unwatched(error))
  })
  return () => following.abort()
}
