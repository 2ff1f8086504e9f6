/** Runs a plan: builds, hosts, deliveries and cells overlap, and a cell starts as soon as its own images are on its engine. */
import { type Engine, EngineError } from '../engines/engine.ts'
import { Distribution } from '../images/distribution.ts'
import type { LayerStore } from '../images/layer-store.ts'
import { deadline } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import { oneLine } from '../lib/printable.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { CellOutcome, Reason } from '../model/outcome.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import type { RunRecord } from '../model/run-record.ts'
import { fingerprintOf } from '../plan/fingerprint.ts'
import { limitedBy } from '../plan/plan.ts'
import { type CellRun, runCell } from './cell.ts'
import { type Column, Columns, type OpenColumn } from './columns.ts'
import { type ImageResult, makeImages } from './images.ts'
import type { RunIdentity } from './labels.ts'
import { Teardown, type TeardownFailure } from './teardown.ts'
import { timingOf } from './timing.ts'
import { type Afterwards, runTrial } from './trial.ts'

export interface RunDeps {
  /** Builds every image; it is on this machine, or is the one that the user named. */
  readonly builder: Engine
  /** Brings up the engine of an environment. Asked once an environment; rejects with `EngineError`. */
  readonly columnOf: (environment: string) => Promise<Column>
  /** What is sent to other engines is kept here. */
  readonly layers: LayerStore
  readonly clock: Clock
  readonly identity: RunIdentity
  readonly toolVersion: string
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
  readonly evidence: EvidenceSink
  readonly secret: (name: string) => string
  readonly redact: readonly string[]
  /** Ctrl-C. */
  readonly signal: AbortSignal
  /** Cells in flight; null: from the engine's processors. */
  readonly concurrency: number | null
  /** Milliseconds after which what has not ended is `not-run`; null: none. */
  readonly deadlineMs: number | null
  readonly mayBootstrap: boolean
  /** Leave the containers of cells that failed or could not be observed; the next sweep takes them. */
  readonly keepFailed: boolean
  /** What a cell took when it last ran, so that the longest go first. */
  readonly expectedMs: (cell: string) => number | null
  /** Done once every cell is answered and cleaned up, while the engines are still held. */
  readonly afterwards?: (with_: Afterwards) => Promise<void>
}

export interface RunResult {
  readonly timing: RunRecord['timing']
  readonly leftovers: readonly TeardownFailure[]
}

const defaultMemoryBytes = 256 * 1024 ** 2
const teardownBudgetMs = 60_000

/** Emits everything between `run-started` and `run-finished`. Rejects with `EngineError` where nothing can be built at all. */
export async function runPlan(plan: Plan, deps: RunDeps): Promise<RunResult> {
  const startedAt = deps.clock.now()
  const sinceStart = () => deps.clock.now() - startedAt
  const teardown = new Teardown()
  using limit = deadline(deps.deadlineMs ?? 2 ** 31 - 1, deps.signal)
  const { signal } = limit
  const leftovers: TeardownFailure[] = []
  const cleaning: Promise<void>[] = []
  const clean = (what: Teardown) => {
    cleaning.push(what.run(teardownBudgetMs).then((failures) => void leftovers.push(...failures)))
  }
  const onNotice = (text: string) => deps.progress({ type: 'notice', text })
  try {
    const { cpus } = await deps.builder.facts({ signal })
    const columns = new Columns({ ...deps, teardown, signal, onNotice })
    const images = makeImages(plan, { ...deps, engine: deps.builder, signal, concurrency: Math.max(1, cpus) })
    const distribution = new Distribution({ ...deps, store: deps.layers, signal, onProgress: onNotice })
    const durations = new Map<string, number>()
    const context: CellContext = { deps, columns, images, distribution, signal, sinceStart, clean }
    for (const wave of wavesOf(plan)) {
      // Hosts come up beside the builds; who needs one hears of its failure.
      for (const cell of wave) columns.of(cell.environment)
      const longestFirst = wave.toSorted((a, b) => (deps.expectedMs(b.id) ?? 0) - (deps.expectedMs(a.id) ?? 0))
      await Promise.all(
        longestFirst.map(async (cell) => {
          const started = await runOne(cell, context)
          if (started !== null) durations.set(cell.id, sinceStart() - started)
        }),
      )
    }
    const builds = await builtDurations(images)
    await Promise.all(cleaning)
    const { bytes: bytesDistributed, busyMs: distributeMs } = distribution
    const measured = { cells: durations, builds, makespanMs: sinceStart(), distributeMs, bytesDistributed }
    await deps.afterwards?.(afterwardsOf(context))
    await Promise.all(cleaning)
    return { timing: timingOf(plan, measured), leftovers }
  } finally {
    clean(teardown)
    await Promise.all(cleaning)
  }
}

/** An emulated machine would take the processors from every other column, so its cells come when those are answered. */
function wavesOf(plan: Plan): readonly (readonly RunnableCell[])[] {
  const cells = plan.cells.filter((cell): cell is RunnableCell => cell.kind === 'run')
  const last = new Set(
    plan.environments.flatMap(({ id, engine }) =>
      engine.kind === 'provision' && engine.spec.kind === 'vm' ? [id] : [],
    ),
  )
  const waves = [
    cells.filter((cell) => !last.has(cell.environment)),
    cells.filter((cell) => last.has(cell.environment)),
  ]
  return waves.filter((wave) => wave.length > 0)
}

interface CellContext {
  readonly deps: RunDeps
  readonly columns: Columns
  readonly images: ReadonlyMap<string, Promise<ImageResult>>
  readonly distribution: Distribution
  readonly signal: AbortSignal
  readonly sinceStart: () => number
  readonly clean: (teardown: Teardown) => void
}

function afterwardsOf(context: CellContext): Afterwards {
  const { columns, deps, distribution, images, sinceStart } = context
  let count = 0
  return {
    cpusOf: async (environment) => (await columns.of(environment)).session.facts.cpus,
    async trial(cell, { signal }) {
      count += 1
      const name = `again-${count}`
      const { session } = await columns.of(cell.environment)
      const imageIds = new Map<string, string>()
      for (const copy of cell.copies) {
        const made = await images.get(copy.buildKey)
        if (!made?.ok) throw new EngineError('no-image', `the image of ${copy.row} is not there`)
        await distribution.deliver(session.engine, { id: made.imageId, name: tagOf(copy.row, deps.identity) })
        imageIds.set(copy.row, made.imageId)
      }
      const imageOf = (row: string) => imageIds.get(row) ?? ''
      const clean = (run: CellRun) => context.clean(run.teardown)
      const limited = limitedBy(cell, session.facts.unsupported)
      return runTrial(limited, { ...deps, name, session, signal, imageOf, sinceStart, clean })
    },
  }
}

/** When the cell started; null where it never did. */
async function runOne(planned: RunnableCell, context: CellContext): Promise<number | null> {
  const { deps, signal } = context
  const imageIds = await imagesFor(planned, context)
  if (imageIds === null) return null
  const column = await columnFor(planned, context)
  if (column === null) return null
  const { session } = column
  const cell = limitedBy(planned, session.facts.unsupported)
  const required = cell.unsupported.filter((atom) =>
    cell.required.some((name) => name === atom || atom.startsWith(`${name}:`)),
  )
  if (required.length > 0) {
    answerUnstarted(cell, deps, {
      outcome: 'error',
      stage: 'constraints',
      reason: 'not-enforced',
      message: `${cell.environment} requires ${required.join(', ')}, which its engine does not enforce`,
    })
    return null
  }
  if (!(await deliver(cell, { column, imageIds, context }))) return null
  const bytes = memoryOf(cell)
  // What asks for more memory also starts more: beside too many like it, it would miss deadlines that it keeps alone.
  const places = deps.concurrency === null ? Math.ceil(bytes / defaultMemoryBytes) : 1
  const claim = { bytes, places, exclusive: cell.exclusive }
  const imageOf = (row: string) => imageIds.get(row) ?? ''
  let started: number | null = null
  const work = async () => {
    started = context.sinceStart()
    const images = new Map(cell.copies.map((copy) => [copy.alias, imageOf(copy.row)]))
    const { toolVersion, secret, identity } = deps
    const fingerprint = fingerprintOf(cell, {
      images,
      engine: session.facts,
      toolVersion,
      secret,
      secretKey: identity.project,
    })
    const run = await runCell(cell, { ...deps, session, signal, imageOf, fingerprint, sinceStart: context.sinceStart })
    const keep = deps.keepFailed && (run.outcome === 'fail' || run.outcome === 'error')
    if (!keep) context.clean(run.teardown)
  }
  try {
    await column.admission.run(claim, { signal, work })
  } catch (error) {
    // A cell that was never let in stays `not-run`.
    if (!signal.aborted) throw error
  }
  return started
}

/** Row → image id, once every image of the cell is made; null where one is not, and the cell is answered. */
async function imagesFor(cell: RunnableCell, context: CellContext): Promise<ReadonlyMap<string, string> | null> {
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

/** The column of the cell's environment; null where it cannot be had, and the cell is answered. */
async function columnFor(cell: RunnableCell, context: CellContext): Promise<OpenColumn | null> {
  try {
    return await context.columns.of(cell.environment)
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
    readonly context: CellContext
  },
): Promise<boolean> {
  const { context, imageIds } = options
  const { engine } = options.column.session
  const startMs = Math.round(context.sinceStart())
  try {
    const deliveries = await Promise.all(
      [...imageIds].map(([row, id]) =>
        context.distribution.deliver(engine, { id, name: tagOf(row, context.deps.identity) }),
      ),
    )
    if (deliveries.some(({ bytes }) => bytes > 0)) {
      const durationMs = Math.round(context.sinceStart()) - startMs
      context.deps.emit({ type: 'cell-phase', cell: cell.id, phase: { name: 'distribute', startMs, durationMs } })
    }
    return true
  } catch (error) {
    if (context.signal.aborted) return false
    const message = `an image could not be brought to ${cell.environment}: ${messageOf(error)}`
    answerUnstarted(cell, context.deps, { outcome: 'error', stage: 'distribute', reason: 'not-delivered', message })
    return false
  }
}

const tagOf = (row: string, { project }: RunIdentity) => `matrix-${project}/${row}:latest`

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
  deps.emit({
    type: 'cell-finished',
    cell: cell.id,
    ...answer,
    signature: null,
    fingerprint: null,
    imageId: null,
    durationMs: 0,
    findings: cell.findings,
    evidence: [],
  })
}

function memoryOf(cell: RunnableCell): number {
  return cell.copies.reduce((sum, copy) => sum + (copy.config.constraints.mem_limit ?? defaultMemoryBytes), 0)
}

async function builtDurations(images: ReadonlyMap<string, Promise<ImageResult>>): Promise<ReadonlyMap<string, number>> {
  const durations = new Map<string, number>()
  for (const [key, promise] of images) {
    const result = await promise
    if (result.ok) durations.set(key, result.durationMs)
  }
  return durations
}
