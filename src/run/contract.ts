/** Tests what an environment expects of a running workload: that it stays up, and that it stops when it is told to. */
import { anyOf, ending } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import type { Progress } from '../model/event.ts'
import type { RunnableCell } from '../model/plan.ts'
import { describeEnd } from './container-end.ts'
import type { RunningCopy } from './copy-runner.ts'
import type { Problem } from './problem.ts'
import type { EngineSession } from './session.ts'

export interface ContractContext {
  readonly cell: RunnableCell
  readonly session: EngineSession
  readonly redact: readonly string[]
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly progress: (progress: Progress) => void
  readonly running: readonly RunningCopy[]
  /** Containers whose main process a check has signalled: their end is what the check wanted. */
  readonly signalled: ReadonlySet<string>
  /** What went wrong so far; what is found here is added. */
  readonly problems: Problem[]
}

/** 128 and the number of SIGKILL. */
const killed = 137

/** Every container of the cell still runs, was not restarted and lost no process for want of memory. */
export async function testStaysUp(context: ContractContext): Promise<void> {
  const { cell, clock, session, signal } = context
  if (isJob(cell)) return
  context.progress({ type: 'cell-stage', cell: cell.id, stage: 'stays-up' })
  const expected = context.running.filter((running) => !context.signalled.has(running.containerId))
  const deaths = expected.map((running) => session.deaths.next(running.containerId))
  const { staysUpMs } = cell.contract
  if (staysUpMs !== undefined && deaths.length > 0) {
    using over = ending()
    await Promise.race([
      clock.sleep(staysUpMs, anyOf(signal, over.signal)).catch((error: unknown) => {
        if (signal.aborted) throw error
      }),
      Promise.race(deaths),
    ])
  }
  for (const running of expected) {
    const problem = await whyNotUp(running, context)
    if (problem !== null) context.problems.push({ kind: 'fail', stage: 'stays-up', ...problem })
  }
}

async function whyNotUp(
  running: RunningCopy,
  context: ContractContext,
): Promise<Pick<Problem, 'reason' | 'message' | 'certain'> | null> {
  const { session, signal } = context
  const { containerId, copy } = running
  const state = await session.engine.containers.inspect(containerId, { signal }).catch((error: unknown) => {
    if (session.deaths.known(containerId)?.kind === 'died') return null
    throw error
  })
  if (state === null || state.status !== 'running')
    return describeEnd(copy, { session, containerId, signal, redact: context.redact })
  if (session.deaths.sawOom(containerId) || state.oomKilled) {
    return { reason: 'oom-killed', message: `a process of ${copy.alias} was killed for want of memory`, certain: true }
  }
  if (state.restarts > 0) {
    return { reason: 'restarted', message: `${copy.alias} was restarted ${state.restarts} times` }
  }
  return null
}

/** The workload ends on its stop signal within its grace; where no grace is declared, nothing is tested. */
export async function testStops(context: ContractContext): Promise<void> {
  const { cell, clock, session, signal, problems } = context
  const workload = context.running.find((running) => running.copy.role === 'workload')
  const { stop_grace_period: ownGraceMs, stop_signal: stopSignal } = workload?.copy.config.constraints ?? {}
  const withinMs = cell.contract.stopsWithinMs ?? ownGraceMs
  if (workload === undefined || withinMs === undefined || isJob(cell)) return
  if (context.signalled.has(workload.containerId) || problems.some(({ stage }) => stage === 'stays-up')) return
  context.progress({ type: 'cell-stage', cell: cell.id, stage: 'stop' })
  const graceMs = withinMs * cell.timeScale
  session.deaths.expect(workload.containerId)
  const startedAt = clock.now()
  const signalled = stopSignal === undefined ? {} : { stopSignal }
  await session.engine.containers.stop(workload.containerId, { graceMs, signal, ...signalled })
  const state = await session.engine.containers.inspect(workload.containerId, { signal })
  // An exit by SIGKILL once the grace was over is the engine's doing, not the process's own.
  if (state.exitCode === killed && clock.now() - startedAt >= graceMs * 0.95) {
    const told = stopSignal ?? 'its stop signal'
    const message = `${workload.copy.alias} did not stop within ${graceMs} ms of ${told} and had to be killed`
    problems.push({ kind: 'fail', stage: 'stop', reason: 'killed', message })
  }
}

/** A workload whose check waits for its exit is a job: it need not stay up, and has stopped already. */
function isJob(cell: RunnableCell): boolean {
  return cell.checks.some((check) => check.steps.some((step) => step.act.kind === 'exit' && step.on === undefined))
}
