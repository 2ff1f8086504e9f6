/** Answers one cell: waits for its images and for a place on an engine of its environment, brings them together, and runs it. */
import { EngineError, told } from '../engines/engine.ts'
import type { Distribution } from '../images/distribution.ts'
import type { UsedRegistry } from '../images/handover.ts'
import { abortable } from '../lib/abort.ts'
import type { CellFinished, RunEventBody } from '../model/event.ts'
import type { CellOutcome, Reason } from '../model/outcome.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { TroubleRecord } from '../model/run-record.ts'
import { covers } from '../plan/atoms.ts'
import { fingerprintOf } from '../plan/fingerprint.ts'
import { limitedBy, undeclaredOf } from '../plan/plan.ts'
import { type CellRun, runCell } from './cell.ts'
import type { Columns, OpenColumn } from './columns.ts'
import type { RunDeps } from './deps.ts'
import type { ImageResult } from './images.ts'
import { imageTag } from './labels.ts'
import { claimOf } from './places.ts'
import type { Teardown } from './teardown.ts'
import { evidenceOf, pausesMs, Try, troubleOf } from './tries.ts'
import { answerKnown, answerUnstarted } from './unstarted.ts'

export interface PlacementContext {
  readonly deps: RunDeps
  readonly columns: Columns
  readonly images: ReadonlyMap<string, Promise<ImageResult>>
  readonly distribution: Distribution
  readonly registryOf: (environment: string) => UsedRegistry | null
  readonly signal: AbortSignal
  readonly sinceStart: () => number
  /** Resolves when what can be removed is: whether that is all of it. Never rejects. */
  readonly clean: (teardown: Teardown) => Promise<boolean>
}

/**
 * Never rejects but for a defect. When the cell started; null where it never did.
 * @param rank of the cells that wait for a place, the lowest goes first
 */
export async function placeCell(planned: RunnableCell, context: PlacementContext, rank = 0): Promise<number | null> {
  const imageIds = await imagesFor(planned, context)
  if (imageIds === null) return null
  const pool = await poolFor(planned, context)
  if (pool === null) return null
  const { clean, columns, deps, signal } = context
  let last: Troubled | null = null
  for (let tried = 0; ; tried++) {
    const latest = pool.map((column) => columns.latest(column))
    const attempt = await runInPool(latest, { planned, rank, imageIds, tried, context })
    if (attempt.kind === 'answered') return attempt.startedMs
    if (attempt.kind === 'unanswered') {
      // Where the next try never began, what was seen is the answer.
      if (last !== null) deps.emit(last.finished)
      return last?.startedMs ?? null
    }
    last = attempt
    const { column, finished, startedMs, teardown } = attempt
    const may = await isOver(finished, { column, tried, context })
    // Its containers have the names that those of the next try will have.
    const isGone = may && (await clean(teardown))
    if (!isGone || signal.aborted) {
      deps.emit(finished)
      if (!may && !isKept(finished.outcome, deps)) void clean(teardown)
      return startedMs
    }
    deps.emit({ type: 'cell-tried-again', cell: planned.id, trouble: troubleOf(finished) })
  }
}

/** Waits where it may help. */
async function isOver(
  { reason }: CellFinished,
  options: { readonly column: OpenColumn; readonly tried: number; readonly context: PlacementContext },
): Promise<boolean> {
  const { columns, deps, signal } = options.context
  try {
    if (reason === 'engine-lost') return (await abortable(columns.reopen(options.column), signal)) !== null
    await deps.clock.sleep(pausesMs[options.tried] ?? 0, signal)
    return true
  } catch (error) {
    // No time is left, or nobody waits for it any more: what was seen is the answer.
    if (!signal.aborted) throw error
    return false
  }
}

const isKept = (outcome: CellOutcome, { keepFailed }: RunDeps): boolean =>
  keepFailed && (outcome === 'fail' || outcome === 'error')

interface Placing {
  readonly planned: RunnableCell
  readonly rank: number
  readonly imageIds: ReadonlyMap<string, string>
  /** How often it was tried before. */
  readonly tried: number
  readonly context: PlacementContext
}

/** Trouble that may pass kept it from an answer, which has not been told yet. */
interface Troubled {
  readonly kind: 'troubled'
  readonly startedMs: number | null
  readonly column: OpenColumn
  readonly finished: CellFinished
  readonly teardown: Teardown
}

/** `unanswered`: no time was left before it began. */
type Attempt =
  | Troubled
  | { readonly kind: 'answered'; readonly startedMs: number | null }
  | { readonly kind: 'unanswered' }
  /**
   * It was not answered yet and goes to another engine of the pool. `why` is null where the engine was lost under
   * another cell while this one waited.
   */
  | { readonly kind: 'moves'; readonly why: string | null; readonly trouble: TroubleRecord | null }

async function runInPool(
  pool: readonly OpenColumn[],
  placing: Placing,
): Promise<Exclude<Attempt, { readonly kind: 'moves' }>> {
  const { columns, deps } = placing.context
  const untried = new Set(pool)
  for (;;) {
    const [next, ...others] = columns.inTurn(untried)
    // Where all of them were lost, the cell says so of one.
    const chosen = next ?? pool[0]
    if (chosen === undefined) return { kind: 'unanswered' }
    const column = columns.latest(chosen)
    untried.delete(chosen)
    columns.choose(column)
    const attempt = await runOn(column, { ...placing, mayMove: others.length > 0 })
    if (attempt.kind !== 'moves') return attempt
    if (attempt.why === null) continue
    const text = `${placing.planned.id}: ${column.session.engine.endpoint} ${attempt.why}; it goes to another engine`
    deps.progress({ type: 'notice', text })
    const { trouble } = attempt
    if (trouble?.failures !== undefined) deps.emit({ type: 'cell-tried-again', cell: placing.planned.id, trouble })
  }
}

async function runOn(column: OpenColumn, options: Placing & { readonly mayMove: boolean }): Promise<Attempt> {
  const { context, imageIds, planned, rank, tried } = options
  const { signal } = context
  const { session } = column
  const cell = limitedBy(planned, session.facts.unsupported)
  const claim = { ...claimOf(cell, context.deps), rank }
  // So that the next cell sees that this one is on its way there.
  using _coming = column.admission.coming(claim)
  const seen: Seen = { moves: null, troubled: null, run: null, isTold: false }
  const now = new Try()
  const emit = (event: RunEventBody) => {
    now.take(event)
    if (event.type !== 'cell-finished') return context.deps.emit(event)
    const { reason } = event
    if (reason === 'engine-lost') context.columns.giveUp(column)
    if (options.mayMove && now.mayMove(event)) {
      const why = reason === 'engine-lost' ? 'was lost' : 'did not get its image'
      seen.moves = { kind: 'moves', why, trouble: troubleOf(event) }
    } else if (tried < pausesMs.length && now.mayPass(event)) seen.troubled = event
    else {
      seen.isTold = true
      context.deps.emit(event)
    }
  }
  const isLeft = () =>
    (options.mayMove && context.columns.inTurn([column]).length === 0) || context.columns.latest(column) !== column
  const deps: RunDeps = { ...context.deps, emit, evidence: evidenceOf(tried, context.deps) }
  if (answerUnmet(cell, deps)) return { kind: 'answered', startedMs: null }
  const fingerprint = fingerprintHere(cell, { column, imageIds, deps })
  const known = deps.knownPass(cell.id, fingerprint)
  if (known !== null) {
    answerKnown(cell, { known, fingerprint, imageIds, deps })
    return { kind: 'answered', startedMs: null }
  }
  let startedMs: number | null = null
  if (await deliver(cell, { column, imageIds, context: { ...context, deps } })) {
    // An emulated machine that unpacks images has little left for what is checked on it, and its deadlines go on.
    if (column.emulated) await context.distribution.settled(session.engine)
    const work = async () => {
      if (isLeft()) {
        seen.moves = { kind: 'moves', why: null, trouble: null }
        return
      }
      startedMs = context.sinceStart()
      const imageOf = (row: string) => imageIds.get(row) ?? ''
      const { sinceStart } = context
      const onCertain = () => now.witness()
      seen.run = await runCell(cell, { ...deps, session, signal, imageOf, fingerprint, sinceStart, onCertain })
    }
    try {
      await column.admission.run(claim, { signal, work })
    } catch (error) {
      // A cell that was never let in stays `not-run`.
      if (!signal.aborted) throw error
    }
  }
  const { moves, troubled, run } = seen
  if (run !== null && moves === null && troubled !== null) {
    return { kind: 'troubled', startedMs, column, finished: troubled, teardown: run.teardown }
  }
  if (run !== null && (moves !== null || !isKept(run.outcome, deps))) void context.clean(run.teardown)
  return moves ?? (seen.isTold ? { kind: 'answered', startedMs } : { kind: 'unanswered' })
}

/** What came of a try. */
interface Seen {
  moves: Extract<Attempt, { readonly kind: 'moves' }> | null
  troubled: CellFinished | null
  run: CellRun | null
  isTold: boolean
}

/** Whether the environment requires what cannot be there, so that the cell is answered before anything is started for it. */
export function answerUnmet(cell: RunnableCell, deps: Pick<RunDeps, 'emit'>): boolean {
  const unmet = unmetOf(cell)
  if (unmet !== null) answerUnstarted(cell, deps, { outcome: 'error', stage: 'constraints', ...unmet })
  return unmet !== null
}

function unmetOf(cell: RunnableCell): { readonly reason: Reason; readonly message: string } | null {
  const unenforced = cell.unsupported.filter((atom) => cell.required.some((name) => covers(name, atom)))
  if (unenforced.length > 0) {
    const message = `${cell.environment} requires ${unenforced.join(', ')}, which its engine does not enforce`
    return { reason: 'not-enforced', message }
  }
  const undeclared = undeclaredOf(cell)
  if (undeclared.length === 0) return null
  const message = `${cell.environment} requires ${undeclared.join(', ')}, which neither it nor ${cell.row} declares`
  return { reason: 'not-in-force', message }
}

function fingerprintHere(
  cell: RunnableCell,
  options: {
    readonly column: OpenColumn
    readonly imageIds: ReadonlyMap<string, string>
    readonly deps: RunDeps
  },
): string {
  const { toolVersion, secret, identity } = options.deps
  return fingerprintOf(cell, {
    images: new Map(cell.copies.map((copy) => [copy.alias, options.imageIds.get(copy.row) ?? ''])),
    engine: options.column.session.facts,
    toolVersion,
    secret,
    secretKey: identity.project,
  })
}

/** Row → image id, once every image of the cell is made; null where one is not, and the cell is answered. */
async function imagesFor(cell: RunnableCell, context: PlacementContext): Promise<ReadonlyMap<string, string> | null> {
  const imageIds = new Map<string, string>()
  for (const copy of cell.copies) {
    const result = await context.images.get(copy.buildKey)
    if (result?.ok) {
      imageIds.set(copy.row, result.imageId)
      continue
    }
    if (!context.signal.aborted) {
      const { reason, message } = result ?? { reason: 'build-trouble' as const, message: 'no image was planned' }
      answerUnstarted(cell, context.deps, { outcome: 'blocked', stage: 'build', reason, message })
    }
    return null
  }
  return imageIds
}

/** The engines of the cell's environment; null where none can be had, and the cell is answered. */
async function poolFor(cell: RunnableCell, context: PlacementContext): Promise<readonly OpenColumn[] | null> {
  try {
    return await abortable(context.columns.of(cell.environment), context.signal)
  } catch (error) {
    if (context.signal.aborted) return null
    const message = `the engine of ${cell.environment} cannot be used: ${messageOf(error)}`
    answerUnstarted(cell, context.deps, { outcome: 'error', stage: 'distribute', reason: 'no-engine', message })
    return null
  }
}

/** Whether the images of the cell are on its engine; where one cannot be brought there, the cell is answered. */
async function deliver(
  cell: RunnableCell,
  options: {
    readonly column: OpenColumn
    readonly imageIds: ReadonlyMap<string, string>
    readonly context: PlacementContext
  },
): Promise<boolean> {
  const { context, imageIds } = options
  const { engine } = options.column.session
  const startMs = Math.round(context.sinceStart())
  const registry = context.registryOf(cell.environment)
  try {
    const deliveries = await Promise.all(
      [...imageIds].map(([row, id]) =>
        context.distribution.deliver(engine, { id, name: imageTag(row, context.deps.identity) }, registry),
      ),
    )
    if (deliveries.some(({ how }) => how !== 'present')) {
      const durationMs = Math.round(context.sinceStart()) - startMs
      context.deps.emit({ type: 'cell-phase', cell: cell.id, phase: { name: 'distribute', startMs, durationMs } })
    }
    return true
  } catch (error) {
    if (context.signal.aborted) return false
    if (error instanceof EngineError && error.code === 'unreachable') context.columns.giveUp(options.column)
    const message = `an image could not be brought to ${cell.environment}: ${messageOf(error)}`
    answerUnstarted(cell, context.deps, { outcome: 'error', stage: 'distribute', reason: 'not-delivered', message })
    return false
  }
}

const messageOf = (error: unknown) => told(error, 500)
