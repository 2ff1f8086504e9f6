/** What earlier runs answered, a line a cell a run, and what follows from many of them. */
import type { Baseline } from './comparison.ts'
import type { CellOutcome, Reason } from './outcome.ts'
import type { CellRecord, ObservedIn } from './run-record.ts'

export interface HistoryLine {
  readonly run: string
  readonly startedAt: string
  readonly cell: string
  readonly outcome: CellOutcome
  readonly signature: string | null
  readonly fingerprint: string | null
  readonly durationMs: number
  /** Absent in lines of versions that did not write it, as are the members below. */
  readonly reason?: Reason | null
  readonly waived?: boolean
  readonly flaky?: boolean
  /** Only some cells of the project were selected. */
  readonly part?: boolean
  readonly imageBytes?: number | null
  /** Hash of what the project declared for the cell. */
  readonly declared?: string | null
  /** The run did not ask: it took the answer of this one. */
  readonly observedIn?: ObservedIn
}

/** A run, as far as its lines tell. */
export interface PastRun {
  readonly run: string
  readonly startedAt: string
  readonly part: boolean
  readonly cells: ReadonlyMap<string, HistoryLine>
}

/** The oldest first, by their start and not by the order in which runs side by side ended. */
export function pastRuns(lines: readonly HistoryLine[]): readonly PastRun[] {
  const runs = new Map<string, { first: HistoryLine; cells: Map<string, HistoryLine> }>()
  for (const line of lines) {
    const known = runs.get(line.run)
    if (known) known.cells.set(line.cell, line)
    else runs.set(line.run, { first: line, cells: new Map([[line.cell, line]]) })
  }
  return [...runs.values()]
    .map(({ first, cells }) => ({ run: first.run, startedAt: first.startedAt, part: first.part === true, cells }))
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.run < b.run ? -1 : 1))
}

const answered: ReadonlySet<CellOutcome> = new Set(['pass', 'fail', 'error', 'blocked'])
const broken: ReadonlySet<CellOutcome> = new Set(['cancelled', 'not-run'])

/**
 * The run to compare with: the last that selected everything and came to its end and answers for one of these cells;
 * where none did, the last that answers for one of them at all.
 */
export function baselineOf(runs: readonly PastRun[], cells: ReadonlySet<string>): Baseline | null {
  const touching = runs.filter((run) => [...run.cells.values()].some((line) => cells.has(line.cell) && answers(line)))
  const whole = touching.filter((run) => !run.part && ![...run.cells.values()].some((line) => broken.has(line.outcome)))
  const chosen = whole.at(-1) ?? touching.at(-1)
  if (chosen === undefined) return null
  const states = [...chosen.cells.values()].map((line) => [
    line.cell,
    {
      outcome: line.outcome,
      reason: line.reason ?? null,
      signature: line.signature,
      waived: line.waived === true,
    },
  ])
  return { run: chosen.run, startedAt: chosen.startedAt, cells: Object.fromEntries(states) }
}

/** Whether it says something of the cell. */
export const answers = (line: { readonly outcome: CellOutcome }): boolean => answered.has(line.outcome)

/** Cell → how long it took when it last gave an answer. */
export function lastDurations(history: readonly HistoryLine[]): ReadonlyMap<string, number> {
  return new Map(
    history
      .filter((line) => (line.outcome === 'pass' || line.outcome === 'fail') && line.observedIn === undefined)
      .map((line) => [line.cell, line.durationMs]),
  )
}

/** So long an unchanged pass is believed where the project sets no `max_age`. */
const youngMs = 24 * 3_600_000

/**
 * Tells where a cell has passed already: its last answer is a pass that depends on the same, is young, and was no flake.
 * An answer that was itself taken over counts from when it was observed.
 */
export function knownPasses(
  runs: readonly PastRun[],
  today: { readonly nowMs: number; readonly maxAgeMs: number | null },
): (cell: string, fingerprint: string) => ObservedIn | null {
  const last = new Map(runs.flatMap((run) => [...run.cells.values()].filter(answers).map((line) => [line.cell, line])))
  return (cell, fingerprint) => {
    const line = last.get(cell)
    if (line === undefined || line.outcome !== 'pass' || line.flaky === true || line.fingerprint !== fingerprint) {
      return null
    }
    const observed = line.observedIn ?? { run: line.run, cell, startedAt: line.startedAt }
    const ageMs = today.nowMs - Date.parse(observed.startedAt)
    return ageMs >= 0 && ageMs <= (today.maxAgeMs ?? youngMs) ? observed : null
  }
}

/** What a cell answered in its last runs, the oldest first. */
export function stripOf(runs: readonly PastRun[], cell: string, length: number): readonly HistoryLine[] {
  return runs
    .flatMap((run) => run.cells.get(cell) ?? [])
    .filter((line) => line.outcome !== 'excluded')
    .slice(-length)
}

/** Of a cell's answers, how many changed although nothing that they depend on did, or were called flaky. */
export function flakeRate(strip: readonly HistoryLine[]): number | null {
  const seen = strip.filter(
    (line) => (line.outcome === 'pass' || line.outcome === 'fail') && line.observedIn === undefined,
  )
  if (seen.length < 2) return null
  const flipped = seen.filter((line, index) => {
    const before = seen[index - 1]
    const same = before !== undefined && before.fingerprint !== null && before.fingerprint === line.fingerprint
    return line.flaky === true || (same && before.outcome !== line.outcome)
  })
  return flipped.length / seen.length
}

export function historyLineOf(
  cell: CellRecord,
  run: {
    readonly id: string
    readonly startedAt: string
    readonly part: boolean
    readonly imageBytes: number | null
  },
): HistoryLine {
  const { id, outcome, signature, fingerprint, durationMs, reason, declared, observedIn } = cell
  return {
    run: run.id,
    startedAt: run.startedAt,
    cell: id,
    outcome,
    signature,
    fingerprint,
    durationMs,
    ...(reason === null ? {} : { reason }),
    ...(cell.waiver === null ? {} : { waived: true }),
    ...(cell.flaky ? { flaky: true } : {}),
    ...(run.part ? { part: true } : {}),
    ...(run.imageBytes === null ? {} : { imageBytes: run.imageBytes }),
    ...(declared === null ? {} : { declared }),
    ...(observedIn === null ? {} : { observedIn }),
  }
}
