/** `matrix check`: builds each stack once, runs it in every environment, and fills the matrix. */
import { join, relative } from 'node:path'
import type { Engine } from '../engines/engine.ts'
import { EngineError } from '../engines/engine.ts'
import { authoritiesOf } from '../hosts/authorities.ts'
import { enterRun } from '../hosts/live-runs.ts'
import { LayerStore } from '../images/layer-store.ts'
import { VerifiedImages } from '../images/verified.ts'
import { systemClock } from '../lib/clock.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { stateFolder } from '../lib/state-folder.ts'
import { parseDuration } from '../lib/units.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import { baselineOf, knownPasses, lastDurations, pastRuns } from '../model/history.ts'
import type { Plan } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import type { Gate, RunRecord } from '../model/run-record.ts'
import { exitCodes, verdictOf } from '../model/verdict.ts'
import { readEvidence } from '../record/evidence-store.ts'
import { readHistory } from '../record/history.ts'
import { Recorder } from '../record/recorder.ts'
import { latestRun, type RunFolder, reportsFolder } from '../record/run-folder.ts'
import { renderJson } from '../reporters/json.ts'
import { multiplex, type Reporter } from '../reporters/reporter.ts'
import { renderFinal } from '../reporters/terminal-final.ts'
import { terminalLines } from '../reporters/terminal-lines.ts'
import { terminalLive } from '../reporters/terminal-live.ts'
import type { RunIdentity } from '../run/labels.ts'
import { runPlan } from '../run/run.ts'
import { sweep } from '../run/sweep.ts'
import type { Afterwards } from '../run/trial.ts'
import { explainCells } from './explain-cells.ts'
import { enterGithubJob } from './github.ts'
import { roomForPlan } from './hosts.ts'
import { type Io, tableWidth } from './io.ts'
import { loadPlan, type PlanArguments, type Planned } from './load-plan.ts'
import { OpenColumns } from './open-columns.ts'
import { openEngine, reportProblem } from './open-engine.ts'
import { readRun } from './read-run.ts'
import { runAgain } from './run-again.ts'
import { runStarted } from './run-started.ts'
import { neededSecrets, proxyPasswords, readSecrets } from './secrets.ts'
import { sourceOf } from './source.ts'
import { tool } from './version.ts'
import { writeReports } from './write-reports.ts'

export interface CheckOptions extends PlanArguments {
  readonly failed?: boolean
  /** What passed with the same fingerprint a short time ago is not run again. */
  readonly changed?: boolean
  readonly json?: boolean
  readonly concurrency?: number
  /** As written, such as `10m`. */
  readonly deadline?: string
  /** Also those secrets have to be there that no cell needs. */
  readonly everySecret?: boolean
  readonly keepFailed?: boolean
  readonly engine?: string
  readonly install?: boolean
  readonly bootstrap?: boolean
  readonly timing?: boolean
  readonly gate?: Gate
  /** Run again, alone, what newly fails; true where absent. */
  readonly rerun?: boolean
  /** Find out why failed cells fail. */
  readonly explain?: boolean
  /** As written, such as `15m`; for all cells together. */
  readonly explainBudget?: string
  /** Try what is recommended to the stack. */
  readonly try?: boolean
}

/** What is done with a run that ended; gives the exit code where it is not the run's own. */
export type Present = (run: RunRecord, context: PresentContext) => number | null
export interface PresentContext {
  readonly options: CheckOptions
  readonly io: Io
  readonly folder: RunFolder
}

// After this long another machine may take what a run left on an engine that both use.
const longestRunMs = 6 * 3600 * 1000

/** Another use of a run than to fill the matrix. */
export interface Purpose {
  /** The project as it is run. */
  readonly change: (project: Project) => Project
  /** Instead of looking into what failed. */
  readonly afterwards: (
    held: Afterwards,
    run: { readonly plan: Plan; readonly progress: (what: Progress) => void },
  ) => Promise<void>
  /** Beside the reports, so that history and the latest run stay those of the matrix. */
  readonly reports: string
}

export async function runCheck(
  options: CheckOptions,
  io: Io,
  present: Present = presentMatrix,
  purpose: Purpose | null = null,
): Promise<number> {
  const deadlineMs = durationOf('--deadline', options.deadline, io)
  const explainMs = durationOf('--explain-budget', options.explainBudget ?? '15m', io)
  if (deadlineMs === undefined || explainMs === undefined) return exitCodes.usage
  const reports = purpose?.reports ?? reportsFolder(options.project ?? io.cwd)
  const narrow = options.failed === true ? notGreen(reports, io) : {}
  if (narrow === null) return exitCodes.usage
  const loaded = await loadPlan(options, io, purpose === null ? narrow : { ...narrow, change: purpose.change })
  if (!loaded.ok) return loaded.exitCode
  const { plan } = loaded
  if (plan.cells.every((cell) => cell.kind === 'excluded')) {
    io.stderr('matrix: every selected cell is excluded, so there is nothing to run\n')
    return exitCodes.usage
  }
  const secrets = await readSecrets(plan.project, io, options.everySecret === true ? undefined : neededSecrets(plan))
  if (!secrets.ok) {
    for (const problem of secrets.problems) io.stderr(printable(`matrix: ${problem}\n`))
    return exitCodes.usage
  }
  const room = await roomForPlan(plan, options, io)
  if (room.problem !== null) return reportProblem(room.problem, io)
  if (room.unknown !== null) io.stderr(printable(`${room.unknown}\n`))
  using _lives = enterRun(io.env, plan.project.root)
  const opened = await openEngine({ ...options, onProgress: (text) => io.stderr(printable(`${text}\n`)) }, io)
  if (!opened.ok) return reportProblem(opened.problem, io)
  await using engine = opened.engine
  io.stderr(printable(`engine: ${engine.endpoint} (${opened.how})\n`))
  const mayBootstrap = opened.ours || options.bootstrap === true
  const explainBudgetMs = options.explain === true ? explainMs : null
  const settings = { options, io, engine, reports, deadlineMs, explainBudgetMs, mayBootstrap, present, purpose }
  return await check(loaded, { ...settings, secrets: secrets.values })
}

/** Milliseconds, null where none is written; undefined where what is written is no duration, which is said. */
function durationOf(option: string, text: string | undefined, io: Io): number | null | undefined {
  if (text === undefined) return null
  const ms = parseDuration(text)
  if (ms !== null) return ms
  io.stderr(printable(`matrix: ${option} ${text}: a duration is expected, such as 90s, 10m or 1h30m\n`))
  return undefined
}

/** The cells of the last run that are worth another look; null where there is no last run. */
function notGreen(reports: string, io: Io): { readonly only: ReadonlySet<string> } | null {
  const id = latestRun(reports)
  const last = id === null ? null : readRun(reports, id)
  if (last === null) {
    io.stderr('matrix: --failed needs a run before it; run matrix check first\n')
    return null
  }
  const cells = last.cells.filter((cell) => cell.outcome !== 'pass' && cell.outcome !== 'excluded')
  if (cells.length === 0) {
    io.stderr(`matrix: every cell of ${last.id} was green, so --failed selects nothing\n`)
    return null
  }
  return { only: new Set(cells.map((cell) => cell.id)) }
}

interface CheckContext {
  readonly options: CheckOptions
  readonly io: Io
  readonly engine: Engine
  readonly reports: string
  readonly deadlineMs: number | null
  /** Null: failed cells are not explained. */
  readonly explainBudgetMs: number | null
  readonly present: Present
  readonly purpose: Purpose | null
  readonly mayBootstrap: boolean
  readonly secrets: ReadonlyMap<string, string>
}

async function check(loaded: Planned, context: CheckContext): Promise<number> {
  const { plan } = loaded
  const { io, engine, options, reports, secrets } = context
  const clock = systemClock
  const startedAt = clock.wall()
  const origin = clock.now()
  const recorder = new Recorder(reports, { startedAt, sinceStart: () => clock.now() - origin })
  const identity: RunIdentity = {
    project: plan.project.id,
    run: recorder.folder.id,
    owner: ownIdentity(),
    deadlineAt: Date.parse(startedAt) + (context.deadlineMs ?? longestRunMs) + 600_000,
  }
  const history = readHistory(reports)
  const expected = lastDurations(history)
  const reporter = multiplex([progressReporter(io)], (error) =>
    io.stderr(printable(`matrix: the display broke: ${error}\n`)),
  )
  // Also where the run cannot begin.
  using _display = { [Symbol.dispose]: () => reporter.end() }
  const github = enterGithubJob(io)
  const emit = (body: RunEventBody) => reporter.event(recorder.take(body))
  const progress = (what: Progress) => reporter.progress(what)
  const ids = new Set(plan.cells.map((cell) => cell.id))
  emit({
    ...(await runStarted(loaded, { run: identity.run, startedAt, expected })),
    gate: options.gate ?? 'unwaived',
    source: await sourceOf(plan.project.root, io),
    baseline: baselineOf(pastRuns(history), ids),
    waivers: plan.project.waivers,
    owner: identity.owner,
  })
  await using columns = new OpenColumns({
    environments: plan.environments,
    local: engine,
    root: plan.project.root,
    owner: identity.owner,
    mayInstall: options.install === true,
    authorities: authoritiesOf(plan.project),
    io,
    progress,
    prepare: (opened, signal) => sweepDeadRuns(opened, { identity, signal, startedAt, progress }),
  })
  const kept = join(stateFolder(io.env), 'layers')
  const layers = new LayerStore(kept)
  layers.prune(Date.parse(startedAt))
  const verified = new VerifiedImages(join(kept, 'verified'))
  verified.prune(Date.parse(startedAt))
  let timing: RunRecord['timing'] | null = null
  let how: Parameters<typeof verdictOf>[1] = 'ended'
  let broken: unknown
  try {
    const result = await runPlan(plan, {
      builder: engine,
      columnOf: (environment, signal) => columns.of(environment, signal),
      layers,
      verified,
      clock,
      identity,
      toolVersion: tool.version,
      emit,
      progress,
      evidence: recorder.evidence,
      secret: (name) => {
        const value = secrets.get(name)
        if (value === undefined) throw new Error(`the secret ${name} was not read`)
        return value
      },
      redact: [...secrets.values(), ...proxyPasswords(io)],
      signal: io.signal,
      concurrency: options.concurrency ?? null,
      deadlineMs: context.deadlineMs,
      mayBootstrap: context.mayBootstrap,
      keepFailed: options.keepFailed === true,
      knownPass: options.changed === true ? knownPasses(pastRuns(history), today(plan, startedAt)) : () => null,
      expectedMs: (cell) => expected.get(cell) ?? null,
      afterwards: async (held) => {
        if (context.purpose !== null) return context.purpose.afterwards(held, { plan, progress })
        const { explainBudgetMs, deadlineMs } = context
        const untilMs = deadlineMs === null ? null : origin + deadlineMs
        const common = { plan, fold: () => recorder.fold(), clock, untilMs, signal: io.signal, emit, progress }
        // To explain a cell is to run it again.
        if (explainBudgetMs !== null) {
          await explainCells(held, { ...common, budgetMs: explainBudgetMs, tryPatches: options.try === true })
        } else if (options.rerun !== false) {
          await runAgain(held, common)
        }
      },
    })
    timing = result.timing
    for (const { what, error } of result.leftovers) {
      const why = error instanceof Error ? error.message : String(error)
      progress({ type: 'notice', text: `${what} could not be removed (matrix clean takes it): ${why}` })
    }
  } catch (error) {
    broken = error
    if (!io.signal.aborted && !(error instanceof EngineError)) how = 'internal'
  }
  if (io.signal.aborted) how = 'interrupted'
  const soFar = recorder.fold()
  const verdict = verdictOf(soFar, how)
  const durationMs = Math.round(clock.now() - origin)
  emit({ type: 'run-finished', ...verdict, durationMs, timing: timing ?? { ...soFar.timing, makespanMs: durationMs } })
  reporter.end()
  const run = await recorder.finish(plan.project.history)
  await writeReports(reports, run, (text) => io.stderr(printable(`matrix: ${text}\n`)))
  const code = context.present(run, { options, io, folder: recorder.folder })
  if (options.keepFailed === true) tellKept(run, io)
  await github?.end(run)
  if (how === 'internal') throw broken
  if (broken instanceof EngineError && !io.signal.aborted) {
    io.stderr(printable(`matrix: ${broken.message}\n${broken.hint === undefined ? '' : `  ${broken.hint}\n`}`))
  }
  return code ?? verdict.exitCode
}

const today = (plan: Plan, startedAt: string) => ({
  nowMs: Date.parse(startedAt),
  maxAgeMs: plan.project.history.maxAgeMs,
})

function tellKept(run: RunRecord, io: Io): void {
  const kept = run.cells.filter(({ outcome, ranOn }) => ranOn !== null && (outcome === 'fail' || outcome === 'error'))
  if (kept.length === 0) return
  const lines = kept.map(({ id }) => `  matrix logs ${id}    matrix shell ${id}\n`)
  io.stderr(`The containers of these cells are kept until the next run, or matrix clean:\n${lines.join('')}`)
}

function progressReporter(io: Io): Reporter {
  const { env } = io
  const redraws = io.isTTY.stderr && env['TERM'] !== 'dumb' && !env['CI']
  if (!redraws) return terminalLines({ write: io.stderr, color: io.color }, systemClock)
  const screen = { stream: io.stderrStream, columns: () => io.columns, rows: () => io.rows, color: io.color }
  return terminalLive(screen, systemClock)
}

async function sweepDeadRuns(
  engine: Engine,
  options: {
    readonly identity: RunIdentity
    readonly signal: AbortSignal
    readonly startedAt: string
    readonly progress: (what: Progress) => void
  },
): Promise<void> {
  const { identity, progress, signal } = options
  const nowMs = Date.parse(options.startedAt)
  const swept = await sweep(engine, { project: identity.project, nowMs, ownerState, all: false, signal })
  const count = swept.removed.length
  if (count > 0)
    progress({ type: 'notice', text: `removed ${count} containers, networks and volumes that earlier runs left` })
}

export function presentMatrix(run: RunRecord, { options, io, folder }: PresentContext): null {
  if (options.json === true) {
    io.stdout(renderJson(run))
    return null
  }
  io.stdout(
    renderFinal(run, {
      columns: tableWidth(io),
      color: io.color,
      reportPath: relative(io.workingFolder, folder.html),
      timing: options.timing === true,
      evidence: (ref) => readEvidence(folder.evidence, ref)?.toString('utf8') ?? null,
    }),
  )
  return null
}
