/** Runs one cell: brings up what it needs and the workload, verifies, checks, tests the contract, keeps the evidence. */
import { anyOf, CancelledError, ending, manyListeners } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import { signatureOf } from '../lib/signature.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { CellOutcome, Stage } from '../model/outcome.ts'
import type { Copy, RunnableCell } from '../model/plan.ts'
import type { EvidenceRef, FailureRecord } from '../model/run-record.ts'
import { notRun, runCheck } from './check-runner.ts'
import { describeEnd } from './container-end.ts'
import { type ContractContext, testStaysUp, testStops } from './contract.ts'
import { type RunningCopy, startCopy, unobserved } from './copy-runner.ts'
import { captureEvidence } from './evidence.ts'
import { fullDiskUnder } from './full-disk.ts'
import { interruptionOf, isByUser } from './interruption.ts'
import { labelsOf } from './labels.ts'
import { lossesOf } from './losses.ts'
import { type CellNetwork, openCellNetwork } from './network/cell-network.ts'
import {
  CellProblem,
  checkProblem,
  decisive,
  failureOf,
  type Problem,
  problemOf,
  signatureOfProblem,
} from './problem.ts'
import { redact } from './redact.ts'
import { readRestMemory } from './rest-memory.ts'
import type { EngineSession } from './session.ts'
import { signalProcess } from './signal-process.ts'
import { Teardown } from './teardown.ts'
import { judgeConstraints } from './verify/judge.ts'

export interface CellDeps {
  readonly session: EngineSession
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
  readonly evidence: EvidenceSink
  /** Hears that something was seen of the workload which no trouble of the engine explains. */
  readonly onCertain?: () => void
  readonly imageOf: (row: string) => string
  readonly secret: (name: string) => string
  /** Values that must not appear in any record. */
  readonly redact: readonly string[]
  readonly fingerprint: string | null
  /** What failed is left to be looked into, and so left running. */
  readonly keepFailed?: boolean
  /** Milliseconds since the start of the run. */
  readonly sinceStart: () => number
}

/** A broken connection is heard of before the engine's news of the end that broke it. */
const deathNewsMs = 500

/** The answer stands when `runCell` resolves; what the cell started is removed by `teardown`, off the critical path. */
export interface CellRun {
  readonly outcome: CellOutcome
  readonly teardown: Teardown
}

/** Never rejects: whatever happens becomes the cell's outcome. */
export async function runCell(cell: RunnableCell, deps: CellDeps): Promise<CellRun> {
  const run = new RunOfCell(cell, deps)
  return run.run()
}

class RunOfCell {
  readonly #cell: RunnableCell
  readonly #deps: CellDeps
  readonly #teardown = new Teardown()
  readonly #problems: Problem[] = []
  /** Alias → container, as soon as it is created. */
  readonly #created = new Map<string, string>()
  readonly #running = new Map<string, RunningCopy>()
  readonly #startedAt: number
  readonly #signalled = new Set<string>()
  #restMemory: Readonly<Record<string, number>> = {}

  constructor(cell: RunnableCell, deps: CellDeps) {
    this.#cell = cell
    this.#deps = deps
    this.#startedAt = deps.sinceStart()
  }

  async run(): Promise<CellRun> {
    const { emit, session, signal } = this.#deps
    emit({ type: 'cell-started', cell: this.#cell.id, engine: session.engine.endpoint })
    let stage: Stage = 'create'
    try {
      const network = await this.#phase('network', () =>
        openCellNetwork(this.#cell, { ...this.#deps, teardown: this.#teardown }),
      )
      await this.#startCopies(network)
      stage = 'constraints'
      await this.#phase('constraints', () => this.#verify())
      stage = 'check'
      await this.#runChecks()
      stage = 'stays-up'
      await this.#phase('stays-up', () => this.#leaveAlone())
      stage = 'stop'
      if (!this.#isKept()) await this.#phase('stop', () => testStops(this.#contractContext()))
    } catch (error) {
      if (signal.aborted) return this.#finishCancelled()
      this.#problems.push(error instanceof CellProblem ? error.problem : problemOf(error, stage))
      if (stage === 'create') this.#skipConstraints()
      this.#skipChecks()
    }
    const doubted = this.#problems.length > 0
    const losses = await lossesOf(this.#created, { session, stage, doubted })
    this.#problems.push(...losses)
    if (losses.length === 0) {
      this.#problems.push(...(await fullDiskUnder(this.#created, { session, problems: this.#problems })))
    }
    const evidence = await this.#keepEvidence()
    return this.#finish(evidence)
  }

  #isKept(): boolean {
    return this.#deps.keepFailed === true && this.#problems.length > 0
  }

  #workload(): RunningCopy | undefined {
    return [...this.#running.values()].find((running) => running.copy.role === 'workload')
  }

  async #phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startMs = this.#deps.sinceStart()
    try {
      return await work()
    } finally {
      const phase = { name, startMs: Math.round(startMs), durationMs: Math.round(this.#deps.sinceStart() - startMs) }
      this.#deps.emit({ type: 'cell-phase', cell: this.#cell.id, phase })
    }
  }

  /** What is needed first, side by side where nothing forbids it; the first failure ends the wait for the others. */
  async #startCopies(network: CellNetwork | null): Promise<void> {
    const { copies } = this.#cell
    const failed = new AbortController()
    const signal = anyOf(this.#deps.signal, failed.signal)
    const started = new Map<string, Promise<void>>()
    for (const copy of copies) {
      const work = async () => {
        await Promise.all(copy.after.map((alias) => started.get(alias)))
        signal.throwIfAborted()
        await this.#startOne(copy, { network, signal })
      }
      const promise = work()
      promise.catch(() => failed.abort(new CancelledError('another container of the cell did not come up')))
      started.set(copy.alias, promise)
    }
    const results = await Promise.allSettled(started.values())
    this.#deps.signal.throwIfAborted()
    const rejected = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
    if (rejected.length > 0) throw rejected.find((error) => error instanceof CellProblem) ?? rejected[0]
  }

  async #startOne(
    copy: Copy,
    options: { readonly network: CellNetwork | null; readonly signal: AbortSignal },
  ): Promise<void> {
    const { emit, imageOf, progress } = this.#deps
    const isNeed = copy.role === 'need'
    progress({ type: 'cell-stage', cell: this.#cell.id, stage: isNeed ? 'needs' : 'start' })
    const need = (outcome: CellOutcome) => {
      if (isNeed)
        emit({ type: 'cell-need', cell: this.#cell.id, need: { stack: copy.row, imageId: imageOf(copy.row), outcome } })
    }
    try {
      const running = await startCopy(
        copy,
        {
          ...this.#deps,
          cell: this.#cell,
          signal: options.signal,
          teardown: this.#teardown,
          network: options.network,
          created: this.#created,
          placed: (container, machine) =>
            emit({ type: 'cell-placed', cell: this.#cell.id, placement: { container, machine } }),
          phase: (name, work) => this.#phase(name, work),
        },
        (containerId) => this.#created.set(copy.alias, containerId),
      )
      this.#running.set(copy.alias, running)
      need('pass')
    } catch (error) {
      if (!(error instanceof CellProblem) || !isNeed) throw error
      const { problem } = error
      need(problem.kind)
      throw new CellProblem(
        {
          kind: problem.kind,
          stage: 'needs',
          reason: problem.kind === 'fail' ? 'need-failed' : problem.reason,
          message: `${copy.alias} did not come up (${problem.stage}, ${problem.reason}): ${problem.message}`,
          signature: signatureOf({ stage: problem.stage, reason: problem.reason, message: problem.message }),
          ...(problem.certain === undefined ? {} : { certain: true }),
        },
        error,
      )
    }
  }

  async #verify(): Promise<void> {
    this.#deps.progress({ type: 'cell-stage', cell: this.#cell.id, stage: 'constraints' })
    const running = [...this.#running.values()]
    const verified = await Promise.all(
      running.map(async ({ copy, verified }) => {
        const own = copy.role === 'workload' || this.#workload() === undefined
        return { alias: copy.alias, own, ...(await verified) }
      }),
    )
    const { constraints, problems } = judgeConstraints(verified, this.#cell.required)
    this.#problems.push(...problems)
    this.#deps.emit({ type: 'cell-constraints', cell: this.#cell.id, constraints })
  }

  async #runChecks(): Promise<void> {
    const { clock, emit, evidence, progress, redact, secret, session, signal } = this.#deps
    const targets = new Map([...this.#running].map(([alias, running]) => [alias, running.target] as const))
    const workload = this.#workload()
    if (workload) targets.set('', workload.target)
    for (const check of this.#cell.checks) {
      signal.throwIfAborted()
      progress({ type: 'cell-stage', cell: this.#cell.id, stage: 'check' })
      const record = await this.#phase(`check ${check.name}`, () =>
        runCheck(check, {
          engine: session.engine,
          targets,
          clock,
          signal,
          timeScale: this.#cell.timeScale,
          secret,
          redact,
          evidence,
          cell: this.#cell.id,
          labels: labelsOf(session.identity, 'client', this.#cell.id),
          restart: (alias, options) => this.#restart(this.#copy(alias), options.signal),
          signalProcess: async (alias, request) => {
            const running = this.#copy(alias)
            if (request.process === undefined) this.#signalled.add(running.containerId)
            await signalProcess(session, { running, ...request })
          },
        }),
      )
      emit({ type: 'cell-check', cell: this.#cell.id, check: record })
      if (record.outcome === 'fail' || record.outcome === 'error') {
        this.#problems.push(await this.#explained(checkProblem(record)))
      }
    }
  }

  /** While it only has to stay up nothing is asked of it, so that its memory is read then. */
  async #leaveAlone(): Promise<void> {
    const { session, signal } = this.#deps
    const resting = readRestMemory([...this.#running.values()], { session, signal })
    const [memory] = await Promise.all([resting, testStaysUp(this.#contractContext())])
    this.#restMemory = memory
  }

  async #restart(running: RunningCopy, signal: AbortSignal): Promise<void> {
    try {
      await running.restart(signal)
    } catch (error) {
      // What the engine stopped and did not start again has not ended by itself.
      if (!(error instanceof CellProblem)) this.#signalled.add(running.containerId)
      throw error
    }
  }

  /** A check that fails because the workload ended (a connection breaks, a command is killed with it) is told as that end. */
  async #explained(problem: Problem): Promise<Problem> {
    const { clock, redact, session, signal } = this.#deps
    const workload = this.#workload()
    if (workload === undefined || this.#signalled.has(workload.containerId)) return problem
    // A job without readiness is meant to end, and its checks ask how; but a check that wants it to run is told the end.
    if (workload.copy.readiness === undefined && problem.reason !== 'exited') return problem
    using over = ending()
    const death = await Promise.race([
      session.deaths.next(workload.containerId),
      clock.sleep(deathNewsMs, anyOf(signal, over.signal)).catch(() => undefined),
    ])
    signal.throwIfAborted()
    if (death?.kind !== 'died') return problem
    // What went wrong once nothing was heard any more is the engine's doing, also where the workload had ended before.
    if (problem.kind === 'error' && session.deaths.lossOf(workload.containerId) !== null) return problem
    const end = await describeEnd(workload.copy, { session, containerId: workload.containerId, signal, redact })
    return { ...problem, kind: 'fail', ...end, message: `${end.message}, during "${problem.check?.name}"` }
  }

  #copy(alias: string): RunningCopy {
    const running = alias === '' ? this.#workload() : this.#running.get(alias)
    if (running === undefined) throw new Error(`no container "${alias}" in ${this.#cell.id}`)
    return running
  }

  /** The constraints of a workload that was gone before they could be read are in the record as such. */
  #skipConstraints(): void {
    const workload = this.#cell.copies.find((copy) => copy.role === 'workload')
    if (workload === undefined) return
    const constraints = unobserved(workload, { cell: this.#cell, network: null, session: this.#deps.session })
    this.#deps.emit({ type: 'cell-constraints', cell: this.#cell.id, constraints })
  }

  /** The checks that were not judged are in the record as such. */
  #skipChecks(): void {
    if (
      this.#problems.some(
        (problem) => problem.stage === 'check' || problem.stage === 'stays-up' || problem.stage === 'stop',
      )
    )
      return
    for (const check of this.#cell.checks) {
      this.#deps.emit({ type: 'cell-check', cell: this.#cell.id, check: notRun(check) })
    }
  }

  #contractContext(): ContractContext {
    return {
      ...this.#deps,
      cell: this.#cell,
      running: [...this.#running.values()],
      signalled: this.#signalled,
      problems: this.#problems,
    }
  }

  async #keepEvidence(): Promise<readonly EvidenceRef[]> {
    const { evidence, session } = this.#deps
    const failed = this.#problems.length > 0
    const own = this.#cell.copies.find(({ role }) => role === 'workload')?.alias
    const isOwn = ([alias]: readonly [string, string]) => alias === own
    const created = [...this.#created]
    const needs = failed ? created.filter((one) => !isOwn(one)) : []
    return await captureEvidence([...created.filter(isOwn), ...needs], {
      cell: this.#cell,
      engine: session.engine,
      sink: evidence,
      redact: this.#deps.redact,
      peaks: failed,
      restMemory: this.#restMemory,
      signal: manyListeners(AbortSignal.timeout(20_000)),
    })
  }

  #finish(evidence: readonly EvidenceRef[]): CellRun {
    // An engine that refuses a container may say what it was given.
    const problems = this.#problems.map((seen) => ({ ...seen, message: redact(seen.message, this.#deps.redact) }))
    const problem = decisive(problems)
    const outcome = problem?.kind ?? 'pass'
    if (problems.some(({ certain }) => certain)) this.#deps.onCertain?.()
    return this.#emitFinished(outcome, {
      stage: problem?.stage ?? null,
      reason: problem?.reason ?? null,
      message: problem?.message ?? null,
      signature: problem === undefined ? null : signatureOfProblem(problem),
      evidence,
      failures: problems.map(failureOf),
    })
  }

  #finishCancelled(): CellRun {
    const { signal } = this.#deps
    const byUser = isByUser(signal)
    return this.#emitFinished(byUser ? 'cancelled' : 'not-run', {
      stage: null,
      reason: byUser ? 'interrupted' : 'deadline',
      message: interruptionOf(signal),
      signature: null,
      evidence: [],
      failures: [],
    })
  }

  #emitFinished(
    outcome: CellOutcome,
    rest: {
      readonly stage: Stage | null
      readonly reason: Problem['reason'] | null
      readonly message: string | null
      readonly signature: string | null
      readonly evidence: readonly EvidenceRef[]
      readonly failures: readonly FailureRecord[]
    },
  ): CellRun {
    const { emit, fingerprint, imageOf, sinceStart } = this.#deps
    const workload = this.#cell.copies.find((copy) => copy.role === 'workload')
    emit({
      type: 'cell-finished',
      cell: this.#cell.id,
      outcome,
      ...rest,
      fingerprint,
      imageId: workload === undefined ? null : imageOf(workload.row),
      durationMs: Math.round(sinceStart() - this.#startedAt),
      findings: this.#cell.findings,
    })
    return { outcome, teardown: this.#teardown }
  }
}
