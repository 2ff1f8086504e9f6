/** Runs a plan: builds, hosts, deliveries and cells overlap, and a cell starts as soon as its own images are on its engine. */
import { type Engine, EngineError } from '../engines/engine.ts'
import { Distribution } from '../images/distribution.ts'
import { deadline } from '../lib/abort.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import type { RunRecord } from '../model/run-record.ts'
import { limitedBy } from '../plan/plan.ts'
import type { CellRun } from './cell.ts'
import { Columns, type OpenColumn } from './columns.ts'
import type { RunDeps } from './deps.ts'
import { type ImageResult, makeImages } from './images.ts'
import { imageTag } from './labels.ts'
import { answerUnmet, type PlacementContext, placeCell } from './placement.ts'
import { registryFor } from './registry.ts'
import { removeRun } from './sweep.ts'
import { Teardown, type TeardownFailure } from './teardown.ts'
import { timingOf } from './timing.ts'
import { type Afterwards, runTrial } from './trial.ts'
import { inTurn } from './turns.ts'

export interface RunResult {
  readonly timing: RunRecord['timing']
  readonly leftovers: readonly TeardownFailure[]
}

const teardownBudgetMs = 60_000
const secondTeardownBudgetMs = 10_000

/** Emits everything between `run-started` and `run-finished`. Rejects with `EngineError` where nothing can be built at all. */
export async function runPlan(plan: Plan, deps: RunDeps): Promise<RunResult> {
  const startedAt = deps.clock.now()
  const sinceStart = () => deps.clock.now() - startedAt
  const teardowns: Teardown[] = []
  const newTeardown = () => {
    const teardown = new Teardown()
    teardowns.push(teardown)
    return teardown
  }
  using limit = deadline(deps.deadlineMs ?? 2 ** 31 - 1, deps.signal)
  const { signal } = limit
  const leftovers: TeardownFailure[] = []
  const cleaning: Promise<unknown>[] = []
  const unfinished: Teardown[] = []
  const clean = (what: Teardown) => {
    const done = what.run(teardownBudgetMs).then((failures) => {
      if (failures.length > 0) unfinished.push(what)
      return failures.length === 0
    })
    cleaning.push(done)
    return done
  }
  const onNotice = (text: string) => deps.progress({ type: 'notice', text })
  const columns = new Columns({ ...deps, newTeardown, signal, onNotice })
  try {
    const facts = await deps.builder.facts({ signal })
    const concurrency = Math.max(1, facts.cpus)
    const busy = (work: 'build' | 'send') => () => columns.busy(work, facts)
    const building = { engine: deps.builder, engineData: facts.dataId, concurrency, busy: busy('build') }
    const images = makeImages(plan, { ...deps, ...building, signal })
    const sending = { store: deps.layers, onProgress: onNotice, concurrency, busy: busy('send') }
    const distribution = new Distribution({ ...deps, ...sending, signal })
    const durations = new Map<string, number>()
    const registryOf = (environment: string) => registryFor(environment, { plan, secret: deps.secret })
    const context: PlacementContext = { deps, columns, images, distribution, registryOf, signal, sinceStart, clean }
    for (const planned of wavesOf(plan)) {
      // No host comes up for what the plan knows cannot be there.
      const wave = planned.filter((cell) => !answerUnmet(cell, deps))
      // Hosts come up beside the builds; who needs one hears of its failure.
      for (const cell of wave) columns.of(cell.environment)
      await Promise.all(
        inTurn(wave, deps.expectedMs).map(async (cell, rank) => {
          const started = await placeCell(cell, context, rank)
          if (started !== null) durations.set(cell.id, sinceStart() - started)
        }),
      )
    }
    const builds = await builtDurations(images)
    await Promise.all(cleaning)
    const { bytes: bytesDistributed, busyMs: distributeMs, fetched: imagesFetched } = distribution
    const brought = { distributeMs, bytesDistributed, imagesFetched }
    const measured = { cells: durations, builds, makespanMs: sinceStart(), ...brought }
    await deps.afterwards?.(afterwardsOf(context))
    await Promise.all(cleaning)
    return { timing: timingOf(plan, measured), leftovers }
  } catch (error) {
    if (deps.signal.aborted || error !== signal.reason) throw error
    // The time of the run was over before anything of it began.
    const nothing = { cells: new Map(), builds: new Map(), distributeMs: 0, bytesDistributed: 0, imagesFetched: 0 }
    return { timing: timingOf(plan, { ...nothing, makespanMs: sinceStart() }), leftovers }
  } finally {
    const settled = await columns.end()
    for (const teardown of teardowns) void clean(teardown)
    await Promise.all(cleaning)
    // What a full disk kept from being removed can be once the others' containers are gone.
    for (const teardown of unfinished) leftovers.push(...(await teardown.run(secondTeardownBudgetMs)))
    if (deps.signal.aborted || !settled) leftovers.push(...(await lateComers(columns.engines, deps.identity.run)))
  }
}

/** What an engine finished making after the request for it was cancelled, so that its removal came too early. */
async function lateComers(engines: readonly Engine[], run: string): Promise<readonly TeardownFailure[]> {
  using limit = deadline(teardownBudgetMs)
  const failures = await Promise.all(engines.map((engine) => removeRun(engine, { run, signal: limit.signal })))
  return failures.flat()
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

function afterwardsOf(context: PlacementContext): Afterwards {
  const { columns, deps, distribution, images, sinceStart } = context
  let count = 0
  return {
    cpusOf: async (environment) => (await firstOf(columns, environment)).session.facts.cpus,
    async trial(cell, { signal }) {
      count += 1
      const name = `again-${count}`
      const { session } = await firstOf(columns, cell.environment)
      const imageIds = new Map<string, string>()
      for (const copy of cell.copies) {
        const made = await images.get(copy.buildKey)
        if (!made?.ok) throw new EngineError('no-image', `the image of ${copy.row} is not there`)
        const image = { id: made.imageId, name: imageTag(copy.row, deps.identity) }
        await distribution.deliver(session.engine, image, context.registryOf(cell.environment))
        imageIds.set(copy.row, made.imageId)
      }
      const imageOf = (row: string) => imageIds.get(row) ?? ''
      const clean = (run: CellRun) => void context.clean(run.teardown)
      const limited = limitedBy(cell, session.facts.unsupported)
      return runTrial(limited, { ...deps, name, session, signal, imageOf, sinceStart, clean })
    },
  }
}

/** Of a pool any engine will do that was not lost. Rejects with `EngineError`. */
async function firstOf(columns: Columns, environment: string): Promise<OpenColumn> {
  const pool = await columns.of(environment)
  const first = columns.inTurn(pool)[0] ?? pool[0]
  if (first === undefined) throw new EngineError('unreachable', `${environment} has no engine`)
  return first
}

async function builtDurations(images: ReadonlyMap<string, Promise<ImageResult>>): Promise<ReadonlyMap<string, number>> {
  const durations = new Map<string, number>()
  for (const [key, promise] of images) {
    const result = await promise
    if (result.ok) durations.set(key, result.durationMs)
  }
  return durations
}
