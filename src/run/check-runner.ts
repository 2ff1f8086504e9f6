/** Runs one check: its steps in order, and what they are judged to be. */
import { judge } from '../checks/registry.ts'
import type { Verdict } from '../checks/verdict.ts'
import { type Engine, EngineError, type Labels } from '../engines/engine.ts'
import { CancelledError, DeadlineError, deadline } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import type { Check, Json, Probe, Step } from '../model/check.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { Observation } from '../model/observation.ts'
import type { CheckRecord, EvidenceRef } from '../model/run-record.ts'
import { capture, fillIn } from './captures.ts'
import type { CookieJar } from './probes/context.ts'
import { type LogMark, markLog } from './probes/log-mark.ts'
import { observe } from './probes/observe.ts'
import { listensElsewhere, type ProbeTarget } from './probes/target.ts'
import { redact, redactJson } from './redact.ts'

export interface CheckContext {
  readonly engine: Engine
  /** Alias → target; `''` is the row itself. */
  readonly targets: ReadonlyMap<string, ProbeTarget>
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Multiplies timeouts and `eventually`. */
  readonly timeScale: number
  readonly secret: (name: string) => string
  /** Values that must not appear in any record. */
  readonly redact: readonly string[]
  readonly evidence: EvidenceSink
  readonly cell: string
  /** For client containers. */
  readonly labels: Labels
  /** Restarts a container and waits until it is ready again. */
  readonly restart: (alias: string, options: { readonly signal: AbortSignal }) => Promise<void>
  readonly signalProcess: (
    alias: string,
    request: { readonly name: string; readonly process?: string; readonly signal: AbortSignal },
  ) => Promise<void>
}

interface State {
  readonly captures: Map<string, string>
  readonly cookies: CookieJar
  /** Alias → where its log ended as the check began; of those whose log is asked for from then on. */
  readonly logMarks: ReadonlyMap<string, Promise<LogMark | null>>
  readonly trail: unknown[]
  attempts: number
}

/** Rejects only where the run is cancelled. */
export async function runCheck(check: Check, context: CheckContext): Promise<CheckRecord> {
  const startedAt = context.clock.now()
  const state: State = {
    captures: new Map(),
    cookies: new Map(),
    logMarks: await markLogs(check.steps, context),
    trail: [],
    attempts: 0,
  }
  const { verdict, index } = await runSteps(check.steps, { context, state })
  const prefix =
    check.kind === 'steps' && verdict.outcome !== 'pass' ? `step ${index + 1} (${check.steps[index]?.act.kind}): ` : ''
  const hide = (value: Json): Json => redactJson(value, context.redact)
  return {
    name: check.name,
    kind: check.kind,
    outcome: verdict.outcome,
    reason: verdict.reason,
    message: verdict.message === null ? null : redact(prefix + verdict.message, context.redact),
    expected: hide(verdict.expected),
    actual: hide(verdict.actual),
    attempts: state.attempts,
    durationMs: Math.round(context.clock.now() - startedAt),
    at: placeOf(check),
    evidence: await keepTrail(check, { context, state, failed: verdict.outcome !== 'pass' }),
  }
}

/** Where the logs end now. Never rejects: what could not be seen is told by the step that asks for it. */
async function markLogs(steps: readonly Step[], context: CheckContext): Promise<State['logMarks']> {
  const mark = async (step: Step): Promise<LogMark | null> => {
    const target = context.targets.get(step.on ?? '')
    if (target === undefined) return null
    using limit = deadline(step.timeoutMs * context.timeScale, context.signal)
    return await markLog(target.containerId, { engine: context.engine, signal: limit.signal })
  }
  const asking = probesOf(steps).filter(({ act }) => act.kind === 'log' && act.since === 'check')
  const perAlias = new Map(asking.map((step) => [step.on ?? '', step]))
  const marks = new Map([...perAlias].map(([alias, step]) => [alias, mark(step)]))
  await Promise.allSettled(marks.values())
  return marks
}

const probesOf = (steps: readonly Step[]): readonly Step[] =>
  steps.flatMap((step) => (step.act.kind === 'parallel' ? step.act.branches.flatMap(probesOf) : [step]))

/** The record of a check that was not judged. */
export const notRun = (check: Check): CheckRecord => ({
  name: check.name,
  kind: check.kind,
  outcome: 'not-run',
  reason: null,
  message: null,
  expected: null,
  actual: null,
  attempts: 0,
  durationMs: 0,
  at: placeOf(check),
  evidence: [],
})

const placeOf = ({ at }: Check): string => `${at.file}:${at.line}:${at.column}`

async function keepTrail(
  check: Check,
  input: { readonly context: CheckContext; readonly state: State; readonly failed: boolean },
): Promise<readonly EvidenceRef[]> {
  const { context, state } = input
  const steps = redactJson(state.trail, context.redact)
  const content = JSON.stringify({ check: check.name, declared: check.at, steps }, null, 2)
  return [
    await context.evidence.put({
      name: `check ${check.name}`,
      mediaType: 'application/json',
      content,
      cell: context.cell,
      routine: !input.failed,
    }),
  ]
}

/** Stops at the first step that does not pass; `index` is the last one that ran. */
async function runSteps(
  steps: readonly Step[],
  input: { readonly context: CheckContext; readonly state: State },
): Promise<{ readonly verdict: Verdict; readonly index: number }> {
  let verdict: Verdict = {
    outcome: 'error',
    reason: 'unobservable',
    message: 'there are no steps',
    expected: null,
    actual: null,
  }
  for (const [index, step] of steps.entries()) {
    verdict = await runStep(step, input)
    if (verdict.outcome !== 'pass') return { verdict, index }
  }
  return { verdict, index: steps.length - 1 }
}

const done = (act: string): Verdict => ({ outcome: 'pass', reason: null, message: null, expected: act, actual: act })

async function runStep(step: Step, input: { readonly context: CheckContext; readonly state: State }): Promise<Verdict> {
  const { context, state } = input
  // The steps of a branch are filled in when it is their turn.
  const act = step.act.kind === 'parallel' ? step.act : fillIn(step.act, state.captures)
  const alias = step.on ?? ''
  switch (act.kind) {
    case 'restart':
      // To stop and to become ready again have deadlines of their own, which the environment and the stack declare.
      return attempt(act.kind, context, () => context.restart(alias, { signal: context.signal }))
    case 'signal': {
      const { signal: name, process } = act
      using limit = deadline(signalWithinMs * context.timeScale, context.signal)
      const request = { name, ...(process === undefined ? {} : { process }), signal: limit.signal }
      return await attempt(act.kind, context, () => context.signalProcess(alias, request))
    }
    case 'parallel': {
      const results = await Promise.all(act.branches.map((branch) => runSteps(branch, input)))
      const bad =
        results.find((result) => result.verdict.outcome === 'fail') ??
        results.find((result) => result.verdict.outcome === 'error')
      return bad?.verdict ?? done(act.kind)
    }
    default:
      return runProbe(act, { ...input, step })
  }
}

const signalWithinMs = 60_000

async function attempt(kind: string, context: CheckContext, work: () => Promise<void>): Promise<Verdict> {
  try {
    await work()
    return done(kind)
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason
    const message = error instanceof Error ? error.message : String(error)
    const problem = (error as { problem?: { kind: 'fail' | 'error'; reason: Verdict['reason'] } }).problem
    return {
      outcome: problem?.kind ?? 'error',
      reason: problem?.reason ?? 'unobservable',
      message: `${kind}: ${message}`,
      expected: kind,
      // What the engine did not do says nothing of the workload; that no such process runs does.
      actual: error instanceof EngineError || error instanceof DeadlineError ? null : message,
    }
  }
}

async function runProbe(
  probe: Probe,
  input: { readonly context: CheckContext; readonly state: State; readonly step: Step },
): Promise<Verdict> {
  const { context, state, step } = input
  const { clock, timeScale } = context
  const target = context.targets.get(step.on ?? '')
  if (target === undefined) throw new Error(`no container "${step.on ?? ''}" in ${context.cell}`)
  const until = step.eventuallyMs === undefined ? null : clock.now() + step.eventuallyMs * timeScale
  let before: Attempt | null = null
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1000)) {
    const leftMs = until === null ? Number.POSITIVE_INFINITY : until - clock.now()
    const attempt = await probeOnce(probe, { ...input, target, limitMs: Math.max(1, leftMs) })
    // One that the end of `eventually` cut short says less than the one before it.
    const { verdict, observation, entry } = attempt.cutShort ? (before ?? attempt) : attempt
    keepAttempt(state.trail, entry)
    const captured = verdict.outcome === 'pass' ? await capture(step.capture, observation, state.captures) : null
    const result = captured ?? verdict
    if (result.outcome === 'pass' || until === null || clock.now() + waitMs >= until) {
      if (result.outcome === 'pass') return result
      const elsewhere = await listensElsewhere(observation, { target, signal: context.signal })
      return elsewhere === '' ? result : { ...result, message: `${result.message}${elsewhere}` }
    }
    before = attempt
    await clock.sleep(waitMs, context.signal)
  }
}

interface TrailEntry {
  readonly probe: Probe
  readonly [key: string]: unknown
}

interface Attempt {
  readonly verdict: Verdict
  readonly observation: Observation
  /** What is kept of it as evidence. */
  readonly entry: TrailEntry
  /** It did not have the time that its step grants to one. */
  readonly cutShort: boolean
}

async function probeOnce(
  probe: Probe,
  input: {
    readonly context: CheckContext
    readonly state: State
    readonly step: Step
    readonly target: ProbeTarget
    readonly limitMs: number
  },
): Promise<Attempt> {
  const { context, state, step, target } = input
  const ownMs = probe.kind === 'exit' ? probe.withinMs * context.timeScale + 1000 : step.timeoutMs * context.timeScale
  using limit = deadline(Math.min(ownMs, input.limitMs), context.signal)
  state.attempts += 1
  const at = context.clock.wall()
  const observation = await observe(
    probe.kind === 'exit' ? { ...probe, withinMs: probe.withinMs * context.timeScale } : probe,
    {
      engine: context.engine,
      target,
      clock: context.clock,
      signal: limit.signal,
      from: step.from,
      secret: context.secret,
      labels: context.labels,
      cookies: state.cookies,
      logMark: async () => (await state.logMarks.get(step.on ?? '')) ?? null,
    },
  )
  if (context.signal.aborted && context.signal.reason instanceof CancelledError) throw context.signal.reason
  const cutShort = input.limitMs < ownMs && limit.signal.aborted && !context.signal.aborted
  const verdict = await judge(probe, observation)
  const entry = { at, on: target.alias, from: step.from, probe, observation, verdict }
  return { verdict, observation, entry, cutShort: cutShort && verdict.outcome !== 'pass' }
}

/** The first and the last attempt of a step are what is worth keeping. */
function keepAttempt(trail: unknown[], entry: TrailEntry): void {
  if (trail.includes(entry)) return
  const attempts = trail.filter((earlier) => (earlier as TrailEntry).probe === entry.probe)
  const last = attempts.at(-1)
  if (attempts.length >= 2 && last !== undefined) trail[trail.indexOf(last)] = entry
  else trail.push(entry)
}
