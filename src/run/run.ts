/** Runs a plan: builds and cells overlap, and a cell starts as soon as its own images are there. */
import type { Engine } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import { Admission } from '../lib/admission.ts'
import type { Clock } from '../lib/clock.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { CellOutcome } from '../model/outcome.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import type { RunRecord } from '../model/run-record.ts'
import { fingerprintOf } from '../plan/fingerprint.ts'
import { runCell } from './cell.ts'
import { type ImageResult, makeImages } from './images.ts'
import type { RunIdentity } from './labels.ts'
import { type EngineSession, openSession } from './session.ts'
import { Teardown, type TeardownFailure } from './teardown.ts'

export interface RunDeps {
  /** The engine that builds and, for now, runs every environment. */
  readonly engine: Engine
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
}

export interface RunResult {
  readonly timing: RunRecord['timing']
  readonly leftovers: readonly TeardownFailure[]
}

const defaultMemoryBytes = 256 * 1024 ** 2
const teardownBudgetMs = 60_000

/** Emits everything between `run-started` and `run-finished`. Rejects with `EngineError` where the engine cannot be used at all. */
export async function runPlan(plan: Plan, deps: RunDeps): Promise<RunResult> {
  const startedAt = deps.clock.now()
  const sinceStart = () => deps.clock.now() - startedAt
  const teardown = new Teardown()
  using limit = deadline(deps.deadlineMs ?? 2 ** 31 - 1, deps.signal)
  const leftovers: TeardownFailure[] = []
  const cleaning: Promise<void>[] = []
  const clean = (what: Teardown) => {
    cleaning.push(what.run(teardownBudgetMs).then((failures) => void leftovers.push(...failures)))
  }
  try {
    const session = await openSession(deps.engine, {
      identity: deps.identity,
      teardown,
      signal: limit.signal,
      onNotice: (text) => deps.progress({ type: 'notice', text }),
    })
    const { memoryBytes, cpus, storageDriver, ...facts } = session.facts
    const { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes } = facts
    for (const environment of plan.environments) {
      deps.emit({
        type: 'engine-ready',
        environment: environment.id,
        engine: { name, version, apiVersion, ociRuntime, rootless, kernel, cgroup, arch, nodes },
        facts: { memoryBytes, cpus, storageDriver },
      })
    }
    const images = makeImages(plan, { ...deps, signal: limit.signal, concurrency: Math.max(1, cpus) })
    const places = deps.concurrency ?? Math.min(8, Math.max(2, cpus * 3))
    const admission = new Admission({ places, budgetBytes: memoryBytes * 0.8 })
    const cells = plan.cells.filter((cell): cell is RunnableCell => cell.kind === 'run')
    const longestFirst = cells.toSorted((a, b) => (deps.expectedMs(b.id) ?? 0) - (deps.expectedMs(a.id) ?? 0))
    const durations = new Map<string, number>()
    await Promise.all(
      longestFirst.map(async (cell) => {
        const started = await runOne(cell, {
          deps,
          session,
          images,
          admission,
          signal: limit.signal,
          sinceStart,
          clean,
        })
        if (started !== null) durations.set(cell.id, sinceStart() - started)
      }),
    )
    const built = await builtDurations(images)
    await Promise.all(cleaning)
    return { timing: timingOf(plan, { durations, built, makespanMs: sinceStart() }), leftovers }
  } finally {
    clean(teardown)
    await Promise.all(cleaning)
  }
}

/** When the cell started; null where it never did. */
async function runOne(
  cell: RunnableCell,
  context: {
    readonly deps: RunDeps
    readonly session: EngineSession
    readonly images: ReadonlyMap<string, Promise<ImageResult>>
    readonly admission: Admission
    readonly signal: AbortSignal
    readonly sinceStart: () => number
    readonly clean: (teardown: Teardown) => void
  },
): Promise<number | null> {
  const { deps, session, signal } = context
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
  const imageIds = new Map<string, string>()
  for (const copy of cell.copies) {
    const result = await context.images.get(copy.buildKey)
    if (result?.ok) {
      imageIds.set(copy.row, result.imageId)
      continue
    }
    if (!signal.aborted) {
      const { reason, message } = result ?? { reason: 'build-trouble' as const, message: 'no image was planned' }
      answerUnstarted(cell, deps, { outcome: 'blocked', stage: 'build', reason, message })
    }
    return null
  }
  const imageOf = (row: string) => imageIds.get(row) ?? ''
  const bytes = memoryOf(cell)
  // What asks for more memory also starts more: beside too many like it, it would miss deadlines that it keeps alone.
  const places = deps.concurrency === null ? Math.ceil(bytes / defaultMemoryBytes) : 1
  const claim = { bytes, places, exclusive: cell.exclusive }
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
    await context.admission.run(claim, { signal, work })
  } catch (error) {
    // A cell that was never let in stays `not-run`.
    if (!signal.aborted) throw error
  }
  return started
}

function answerUnstarted(
  cell: RunnableCell,
  deps: RunDeps,
  answer: {
    readonly outcome: CellOutcome
    readonly stage: 'build' | 'constraints'
    readonly reason: 'not-enforced' | 'build-step' | 'build-trouble'
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

/** The lower bound is the critical path: an image, then the longest cell that had to wait for it. */
function timingOf(
  plan: Plan,
  measured: {
    readonly durations: ReadonlyMap<string, number>
    readonly built: ReadonlyMap<string, number>
    readonly makespanMs: number
  },
): RunRecord['timing'] {
  let lowerBoundMs = 0
  for (const cell of plan.cells) {
    if (cell.kind !== 'run') continue
    const builds = cell.copies.map((copy) => measured.built.get(copy.buildKey) ?? 0)
    lowerBoundMs = Math.max(lowerBoundMs, Math.max(0, ...builds) + (measured.durations.get(cell.id) ?? 0))
  }
  const buildMs = [...measured.built.values()].reduce((sum, duration) => sum + duration, 0)
  return {
    makespanMs: Math.round(measured.makespanMs),
    lowerBoundMs: Math.round(lowerBoundMs),
    buildMs: Math.round(buildMs),
    distributeMs: 0,
    bytesDistributed: 0,
  }
}
