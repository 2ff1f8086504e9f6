/** Answers one cell: waits for its images and for a place on an engine of its environment, brings them together, and runs it. */
import { EngineError } from '../engines/engine.ts'
import type { Distribution } from '../images/distribution.ts'
import { abortable } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { RunEventBody } from '../model/event.ts'
import type { CellOutcome, Reason } from '../model/outcome.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { ObservedIn } from '../model/run-record.ts'
import { covers } from '../plan/atoms.ts'
import { fingerprintOf } from '../plan/fingerprint.ts'
import { limitedBy } from '../plan/plan.ts'
import { runCell } from './cell.ts'
import type { Columns, OpenColumn } from './columns.ts'
import type { RunDeps } from './deps.ts'
import type { ImageResult } from './images.ts'
import { imageTag } from './labels.ts'
import type { Teardown } from './teardown.ts'

export interface PlacementContext {
  readonly deps: RunDeps
  readonly columns: Columns
  readonly images: ReadonlyMap<string, Promise<ImageResult>>
  readonly distribution: Distribution
  readonly signal: AbortSignal
  readonly sinceStart: () => number
  readonly clean: (teardown: Teardown) => void
}

const defaultMemoryBytes = 256 * 1024 ** 2

/** Never rejects but for a defect. When the cell started; null where it never did. */
export async function placeCell(planned: RunnableCell, context: PlacementContext): Promise<number | null> {
  const imageIds = await imagesFor(planned, context)
  if (imageIds === null) return null
  const pool = await poolFor(planned, context)
  if (pool === null) return null
  const untried = new Set(pool)
  for (;;) {
    const [next, ...others] = context.columns.inTurn(untried)
    // Where all of them were lost, the cell says so of one.
    const column = next ?? pool[0]
    if (column === undefined) return null
    untried.delete(column)
    context.columns.choose(column)
    const attempt = await runOn(column, { planned, imageIds, mayMove: others.length > 0, context })
    if (!attempt.moves) return attempt.startedMs
    if (attempt.why === null) continue
    const text = `${planned.id}: ${column.session.engine.endpoint} ${attempt.why}; it goes to another engine`
    context.deps.progress({ type: 'notice', text })
  }
}

/**
 * `moves`: the cell was not answered yet and goes to another engine of the pool. `why` is null where the engine was
 * lost under another cell while this one waited.
 */
type Attempt =
  | { readonly moves: true; readonly why: string | null }
  | { readonly moves: false; readonly startedMs: number | null }

async function runOn(
  column: OpenColumn,
  options: {
    readonly planned: RunnableCell
    readonly imageIds: ReadonlyMap<string, string>
    readonly mayMove: boolean
    readonly context: PlacementContext
  },
): Promise<Attempt> {
  const { context, imageIds, planned } = options
  const { signal } = context
  const { session } = column
  const cell = limitedBy(planned, session.facts.unsupported)
  const claim = claimOf(cell, context.deps)
  // So that the next cell sees that this one is on its way there.
  using _coming = column.admission.coming(claim)
  let moves: Extract<Attempt, { moves: true }> | null = null
  const emit = (event: RunEventBody) => {
    const reason = event.type === 'cell-finished' ? event.reason : null
    if (reason === 'engine-lost') context.columns.giveUp(column)
    if (!options.mayMove || (reason !== 'engine-lost' && reason !== 'not-delivered')) return context.deps.emit(event)
    moves = { moves: true, why: reason === 'engine-lost' ? 'was lost' : 'did not get its image' }
  }
  const isLost = () => options.mayMove && context.columns.inTurn([column]).length === 0
  const deps: RunDeps = { ...context.deps, emit }
  const required = cell.unsupported.filter((atom) => cell.required.some((name) => covers(name, atom)))
  if (required.length > 0) {
    answerUnstarted(cell, deps, {
      outcome: 'error',
      stage: 'constraints',
      reason: 'not-enforced',
      message: `${cell.environment} requires ${required.join(', ')}, which its engine does not enforce`,
    })
    return { moves: false, startedMs: null }
  }
  const fingerprint = fingerprintHere(cell, { column, imageIds, deps })
  const known = deps.knownPass(cell.id, fingerprint)
  if (known !== null) {
    answerKnown(cell, { known, fingerprint, imageIds, deps })
    return { moves: false, startedMs: null }
  }
  let startedMs: number | null = null
  if (await deliver(cell, { column, imageIds, context: { ...context, deps } })) {
    const work = async () => {
      if (isLost()) {
        moves = { moves: true, why: null }
        return
      }
      startedMs = context.sinceStart()
      await runHere(cell, { column, imageIds, fingerprint, deps, context })
    }
    try {
      await column.admission.run(claim, { signal, work })
    } catch (error) {
      // A cell that was never let in stays `not-run`.
      if (!signal.aborted) throw error
    }
  }
  return moves ?? { moves: false, startedMs }
}

async function runHere(
  cell: RunnableCell,
  options: {
    readonly column: OpenColumn
    readonly imageIds: ReadonlyMap<string, string>
    readonly fingerprint: string
    readonly deps: RunDeps
    readonly context: PlacementContext
  },
): Promise<void> {
  const { column, context, deps, fingerprint, imageIds } = options
  const { session } = column
  const { signal, sinceStart } = context
  const imageOf = (row: string) => imageIds.get(row) ?? ''
  const run = await runCell(cell, { ...deps, session, signal, imageOf, fingerprint, sinceStart })
  const keep = deps.keepFailed && (run.outcome === 'fail' || run.outcome === 'error')
  if (!keep) context.clean(run.teardown)
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

/** Nothing that the answer depends on has changed since it passed. */
function answerKnown(
  cell: RunnableCell,
  options: {
    readonly known: ObservedIn
    readonly fingerprint: string
    readonly imageIds: ReadonlyMap<string, string>
    readonly deps: RunDeps
  },
): void {
  const workload = cell.copies.find(({ role }) => role === 'workload')
  options.deps.emit({
    ...unstarted(cell),
    outcome: 'pass',
    stage: null,
    reason: null,
    message: null,
    fingerprint: options.fingerprint,
    imageId: workload === undefined ? null : (options.imageIds.get(workload.row) ?? null),
    observedIn: options.known,
  })
}

function claimOf(cell: RunnableCell, deps: RunDeps) {
  const bytes = cell.copies.reduce((sum, copy) => sum + (copy.config.constraints.mem_limit ?? defaultMemoryBytes), 0)
  // What asks for more memory also starts more: beside too many like it, it would miss deadlines that it keeps alone.
  const places = deps.concurrency === null ? Math.ceil(bytes / defaultMemoryBytes) : 1
  return { bytes, places, exclusive: cell.exclusive }
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
  try {
    const deliveries = await Promise.all(
      [...imageIds].map(([row, id]) =>
        context.distribution.deliver(engine, { id, name: imageTag(row, context.deps.identity) }),
      ),
    )
    if (deliveries.some(({ bytes }) => bytes > 0)) {
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

const messageOf = (error: unknown) => oneLine(error instanceof Error ? error.message : String(error), 500)

function answerUnstarted(
  cell: RunnableCell,
  deps: RunDeps,
  answer: {
    readonly outcome: CellOutcome
    readonly stage: 'build' | 'distribute' | 'constraints'
    readonly reason: Reason
    readonly message: string
  },
): void {
  deps.emit({ ...unstarted(cell), ...answer })
}

/** What is known of a cell that was not started. */
const unstarted = (cell: RunnableCell) =>
  ({
    type: 'cell-finished',
    cell: cell.id,
    signature: null,
    fingerprint: null,
    imageId: null,
    durationMs: 0,
    findings: cell.findings,
    evidence: [],
  }) as const
