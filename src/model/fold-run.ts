/** Folds what happened during a run, as its journal tells it, into the record of the run. */
import { applyWaivers } from './apply-waivers.ts'
import { type Baseline, changeOf } from './comparison.ts'
import type { CellExplained, CellFinished, PlannedCellRecord, RunEvent, RunFinished, RunStarted } from './event.ts'
import type { CellOutcome } from './outcome.ts'
import type {
  AttemptRecord,
  BaseRecord,
  BuildRecord,
  CellRecord,
  CheckRecord,
  ConstraintRecord,
  EnvironmentRecord,
  ImageRecord,
  PhaseRecord,
  PlacementRecord,
  RunRecord,
  TroubleRecord,
} from './run-record.ts'

/**
 * The record as far as the events go. Without a last event `complete` is false. Was the run killed, cells in flight are
 * `error` with reason `interrupted`, and the others `not-run`; is it `under way`, both are `not-run`, and compared with
 * nothing.
 *
 * @throws where the first event does not say what was planned
 */
export function foldRun(events: readonly RunEvent[], state: 'over' | 'under way' = 'over'): RunRecord {
  const [first] = events
  if (first?.type !== 'run-started') throw new Error('the journal does not begin with the start of a run')
  const fold = new Fold(first, state === 'under way')
  for (const event of events) fold.take(event)
  return fold.record()
}

interface CellParts {
  started: boolean
  finished: (CellFinished & { readonly atMs: number }) | null
  readonly startedAtMs: number
  readonly engine: string | null
  readonly phases: PhaseRecord[]
  readonly checks: CheckRecord[]
  readonly troubles: TroubleRecord[]
  readonly again: AttemptRecord[]
  readonly needs: CellRecord['needs'][number][]
  readonly placements: PlacementRecord[]
  constraints: readonly ConstraintRecord[]
  explained: CellExplained | null
}

class Fold {
  readonly #start: RunStarted
  readonly #underWay: boolean
  readonly #builds = new Map<string, { readonly startMs: number | null; readonly build: BuildRecord | null }>()
  readonly #bases: BaseRecord[] = []
  readonly #images = new Map<string, ImageRecord>()
  readonly #environments = new Map<string, EnvironmentRecord>()
  readonly #cells = new Map<string, CellParts>()
  #finished: RunFinished | null = null
  #lastAtMs = 0

  constructor(start: RunStarted, underWay: boolean) {
    this.#start = start
    this.#underWay = underWay
    for (const { id, title } of start.environments) this.#environments.set(id, { id, title, engine: null, facts: {} })
  }

  take(event: RunEvent): void {
    this.#lastAtMs = event.atMs
    switch (event.type) {
      case 'run-started':
        return
      case 'engine-ready': {
        const known = this.#environments.get(event.environment)
        const { engine, facts, engines } = event
        const met = engines === undefined ? {} : { engines }
        if (known) this.#environments.set(known.id, { ...known, engine, facts, ...met })
        return
      }
      case 'base-ready':
        this.#bases.push(event.base)
        return
      case 'build-started':
        this.#builds.set(event.stack, { startMs: event.atMs, build: null })
        return
      case 'build-finished':
        this.#builds.set(event.build.stack, {
          startMs: this.#builds.get(event.build.stack)?.startMs ?? null,
          build: event.build,
        })
        return
      case 'image-ready':
        this.#images.set(event.row, event.image)
        return
      case 'cell-started':
        this.#cells.set(event.cell, {
          ...emptyParts(event.atMs),
          started: true,
          phases: this.#phasesBefore(event.cell),
          troubles: this.#cell(event).troubles,
          engine: event.engine,
        })
        return
      case 'cell-phase':
        this.#cell(event).phases.push(event.phase)
        return
      case 'cell-need':
        this.#cell(event).needs.push(event.need)
        return
      case 'cell-placed':
        this.#cell(event).placements.push(event.placement)
        return
      case 'cell-constraints':
        this.#cell(event).constraints = event.constraints
        return
      case 'cell-check':
        this.#cell(event).checks.push(event.check)
        return
      case 'cell-finished':
        this.#cell(event).finished = event
        return
      case 'cell-tried-again':
        this.#cell(event).troubles.push(event.trouble)
        return
      case 'cell-explained':
        this.#cell(event).explained = event
        return
      case 'cell-again':
        this.#cell(event).again.push(event.attempt)
        return
      case 'run-finished':
        this.#finished = event
    }
  }

  /** What was done for a cell before it started, such as bringing its images there; a second start takes the first one back. */
  #phasesBefore(cell: string): PhaseRecord[] {
    const parts = this.#cells.get(cell)
    return parts === undefined || parts.started ? [] : parts.phases
  }

  #cell(event: { readonly cell: string; readonly atMs: number }): CellParts {
    const known = this.#cells.get(event.cell)
    if (known) return known
    const parts = emptyParts(event.atMs)
    this.#cells.set(event.cell, parts)
    return parts
  }

  record(): RunRecord {
    const { run, startedAt, tool, rows, baseline = null } = this.#start
    const { cells: judged, waivers } = applyWaivers(
      this.#start.cells.map((planned) => this.#cellRecord(planned)),
      {
        waivers: this.#start.waivers ?? [],
        startedAt,
        bases: new Map(rows.map((row) => [row.id, row.base])),
      },
    )
    const selection = this.#start.selection ?? 'whole'
    const isToCome = ({ id }: CellRecord) => this.#underWay && (this.#cells.get(id)?.finished ?? null) === null
    const cells = judged.map((cell) => ({ ...cell, change: isToCome(cell) ? null : changeAgainst(baseline, cell) }))
    const ids = new Set(cells.map((cell) => cell.id))
    const gone = Object.entries(baseline?.cells ?? {}).filter(([id]) => !ids.has(id))
    const durationMs = this.#finished?.durationMs ?? this.#lastAtMs
    return {
      schemaVersion: 1,
      id: run,
      startedAt,
      durationMs: Math.round(durationMs),
      tool,
      complete: this.#finished !== null,
      ...(this.#underWay ? { underWay: true } : {}),
      outcome: this.#finished?.outcome ?? 'unknown',
      exitCode: this.#finished?.exitCode ?? null,
      gate: this.#start.gate ?? 'unwaived',
      source: this.#start.source ?? null,
      selection,
      baseline: baseline === null ? null : { run: baseline.run, startedAt: baseline.startedAt },
      lost: selection === 'part' ? [] : gone.flatMap(([id, was]) => (changeOf(was, null) === 'lost' ? [id] : [])),
      waivers,
      builds: [...this.#builds].flatMap(([stack, { startMs, build }]) =>
        build === null && this.#underWay ? [] : [{ ...(build ?? unfinishedBuild(stack)), startMs }],
      ),
      bases: this.#bases,
      stacks: rows.map((row) => ({ ...row, image: this.#images.get(row.id) ?? row.image })),
      environments: [...this.#environments.values()],
      cells,
      groups: groupsOf(cells),
      timing: {
        makespanMs: Math.round(durationMs),
        lowerBoundMs: null,
        buildMs: 0,
        distributeMs: 0,
        bytesDistributed: 0,
        // Earlier versions knew of no registry.
        imagesFetched: 0,
        ...this.#finished?.timing,
      },
    }
  }

  #cellRecord(planned: PlannedCellRecord): CellRecord {
    const parts = this.#cells.get(planned.id)
    const finished = parts?.finished ?? null
    return {
      id: planned.id,
      stack: planned.stack,
      environment: planned.environment,
      ...(finished === null ? unfinished(planned, parts, this.#underWay) : verdictFields(finished)),
      fingerprint: finished?.fingerprint ?? null,
      needs: parts?.needs ?? [],
      placements: parts?.placements ?? [],
      durationMs: finished?.durationMs ?? Math.round(parts === undefined ? 0 : this.#lastAtMs - parts.startedAtMs),
      ranOn: parts?.engine ?? null,
      observedIn: finished?.observedIn ?? null,
      phases: parts?.phases ?? [],
      checks: parts?.checks ?? [],
      constraints: parts?.constraints ?? [],
      findings: finished?.findings ?? planned.findings,
      evidence: finished?.evidence ?? [],
      diagnosis: parts?.explained?.diagnosis ?? null,
      causes: parts?.explained?.causes ?? [],
      explanation: parts?.explained?.explanation ?? null,
      failures: finished?.failures ?? [],
      troubles: parts?.troubles ?? [],
      again: parts?.again ?? [],
      flaky: isFlaky(parts),
      waiver: null,
      change: null,
      declared: planned.declared ?? null,
    }
  }
}

/** Run again alone, or by the search for its cause, it answered otherwise though nothing else had changed. */
function isFlaky(parts: CellParts | undefined): boolean {
  if (parts === undefined || parts.finished === null) return false
  return parts.again.some((attempt) => attempt.outcome === 'pass') || parts.explained?.diagnosis === 'flaky'
}

function changeAgainst(baseline: Baseline | null, cell: CellRecord): CellRecord['change'] {
  if (baseline === null) return null
  const { outcome, reason, signature } = cell
  return changeOf(baseline.cells[cell.id] ?? null, { outcome, reason, signature, waived: cell.waiver !== null })
}

function emptyParts(startedAtMs: number): CellParts {
  return {
    started: false,
    finished: null,
    startedAtMs,
    engine: null,
    phases: [],
    placements: [],
    checks: [],
    troubles: [],
    again: [],
    needs: [],
    constraints: [],
    explained: null,
  }
}

type VerdictFields = Pick<CellRecord, 'outcome' | 'stage' | 'reason' | 'message' | 'signature' | 'image'>

function verdictFields(finished: CellFinished): VerdictFields {
  const { outcome, stage, reason, message, signature, imageId } = finished
  return { outcome, stage, reason, message, signature, image: imageId === null ? null : { id: imageId } }
}

function unfinished(planned: PlannedCellRecord, parts: CellParts | undefined, underWay: boolean): VerdictFields {
  const nothing = { stage: null, reason: null, signature: null, image: null }
  if (planned.excluded !== null) return { ...nothing, outcome: 'excluded', message: planned.excluded }
  if (underWay) {
    return { ...nothing, outcome: 'not-run', message: parts?.started ? 'it runs now' : 'it has not started yet' }
  }
  if (parts?.started) {
    return { ...nothing, outcome: 'error', reason: 'interrupted', message: 'Matrix was stopped while the cell ran' }
  }
  return { ...nothing, outcome: 'not-run', message: 'the run ended before the cell started' }
}

function unfinishedBuild(stack: string): BuildRecord {
  const message = 'Matrix was stopped during the build'
  return { stack, outcome: 'cancelled', step: null, message, durationMs: 0, cached: false, evidence: [] }
}

const grouped: ReadonlySet<CellOutcome> = new Set(['fail', 'error'])

/**
 * Cells that show the same failure for the same cause, the most cells first. One that nobody looked into goes with its
 * signature, where its environment imposes what the cause is.
 */
function groupsOf(cells: readonly CellRecord[]): RunRecord['groups'] {
  const imposed = new Set(
    cells.flatMap((cell) => cell.constraints.filter(isInForce).map(({ key }) => `${cell.environment} ${key}`)),
  )
  const bySignature = new Map<string, CellRecord[]>()
  for (const cell of cells) {
    if (cell.signature === null || !grouped.has(cell.outcome)) continue
    bySignature.set(cell.signature, [...(bySignature.get(cell.signature) ?? []), cell])
  }
  const groups: { signature: string; cause: readonly string[] | null; cells: string[] }[] = []
  for (const [signature, alike] of bySignature) {
    const found = alike.filter(({ causes }) => causes.length > 0)
    for (const cell of alike) {
      const mayBe = (other: CellRecord) =>
        cell.environment === other.environment ||
        causeOf(other).every((atom) => imposed.has(`${cell.environment} ${atom}`))
      const from = cell.diagnosis === null ? found.find(mayBe) : found.find((other) => other === cell)
      const cause = from === undefined ? null : causeOf(from)
      const group = groups.find((one) => one.signature === signature && sameCause(one.cause, cause))
      if (group) group.cells.push(cell.id)
      else groups.push({ signature, cause, cells: [cell.id] })
    }
  }
  return groups.sort((a, b) => b.cells.length - a.cells.length)
}

const isInForce = ({ provenance }: ConstraintRecord): boolean => provenance !== 'unsupported'

const causeOf = ({ causes }: CellRecord): readonly string[] =>
  [...new Set(causes.flatMap(({ constraints }) => constraints))].sort()

const sameCause = (a: readonly string[] | null, b: readonly string[] | null): boolean =>
  JSON.stringify(a) === JSON.stringify(b)
