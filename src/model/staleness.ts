/** Answers of earlier runs that do not count today: every view that is not a fresh run shows them as `?`. */
import { answers, type HistoryLine, type PastRun } from './history.ts'
import type { CellRecord, ObservedIn, RunRecord } from './run-record.ts'
import { verdictOf } from './verdict.ts'

/** What earlier answers are held against. */
export interface Today {
  readonly nowMs: number
  readonly maxAgeMs: number | null
  /** Cell → hash of what the project declares for it; empty where the project cannot be read. */
  readonly declared: ReadonlyMap<string, string>
  /** Every run that is known. */
  readonly runs: readonly PastRun[]
}

/** Why an answer of an earlier run cannot be believed today; null where it can. */
export type Staleness = (line: Answered) => string | null

/** As much of an answer as tells. */
type Answered = Pick<HistoryLine, 'cell' | 'startedAt' | 'fingerprint' | 'declared'> & {
  readonly observedIn?: ObservedIn | null
}

export function stalenessOf({ nowMs, maxAgeMs, declared, runs }: Today): Staleness {
  // Of the same declaration, so that what is taken back counts again.
  const key = ({ cell, declared: to }: Answered) => `${cell} ${to ?? ''}`
  const answered = runs.flatMap(({ cells }) => [...cells.values()].filter(({ fingerprint }) => fingerprint !== null))
  const newest = new Map(answered.map((line) => [key(line), line]))
  return (line) => {
    const declaredNow = declared.get(line.cell)
    if (typeof line.declared === 'string' && declaredNow !== undefined && line.declared !== declaredNow) {
      return 'what the project declares for it has changed since'
    }
    // Images, engines and kernels are only known to those that met them.
    const later = newest.get(key(line))
    if (later !== undefined && later.startedAt > line.startedAt && line.fingerprint !== null) {
      if (later.fingerprint !== line.fingerprint)
        return 'a later run found other images, another engine or another Matrix'
    }
    const ageMs = nowMs - Date.parse(line.observedIn?.startedAt ?? line.startedAt)
    if (maxAgeMs === null || ageMs <= maxAgeMs) return null
    const hours = Math.floor(ageMs / 3_600_000)
    return hours < 72 ? `it is ${hours} h old` : `it is ${Math.floor(hours / 24)} days old`
  }
}

/** What a cell answered last, and why that does not count any more; null where it never answered. */
export function lastAnswer(
  strip: readonly HistoryLine[],
  staleness: Staleness,
): { readonly line: HistoryLine; readonly stale: string | null } | null {
  const line = strip.findLast(answers)
  return line === undefined ? null : { line, stale: staleness(line) }
}

/**
 * A run as it counts today: a cell whose answer does not any more is `not-run`, and keeps in `stale` what it was. What
 * the run ended with is history and stays.
 */
export function asOf(run: RunRecord, staleness: Staleness): RunRecord {
  const cells = run.cells.map((cell): CellRecord => {
    const why = answers(cell) ? staleness({ ...cell, cell: cell.id, startedAt: run.startedAt }) : null
    return why === null ? cell : unknown(cell, why)
  })
  const stale = new Set(cells.filter((cell) => cell.stale !== undefined).map((cell) => cell.id))
  if (stale.size === 0) return run
  const shown = {
    ...run,
    cells,
    groups: run.groups
      .map((group) => ({ ...group, cells: group.cells.filter((id) => !stale.has(id)) }))
      .filter((group) => group.cells.length > 0),
  }
  if (!run.complete) return shown
  const bases = new Map(run.stacks.map((row) => [row.id, row.base]))
  const counting = new Set(cells.filter((cell) => !stale.has(cell.id)).map((cell) => bases.get(cell.stack)))
  const builds = run.builds.filter((build) => counting.has(build.stack))
  return { ...shown, outcome: verdictOf({ ...shown, builds }, 'ended').outcome }
}

function unknown(cell: CellRecord, why: string): CellRecord {
  return {
    ...cell,
    outcome: 'not-run',
    stage: null,
    reason: null,
    message: `what it answered does not count any more: ${why}`,
    signature: null,
    checks: [],
    evidence: [],
    diagnosis: null,
    causes: [],
    explanation: null,
    failures: [],
    troubles: [],
    again: [],
    flaky: false,
    waiver: null,
    change: null,
    stale: { was: cell, why },
  }
}

/** A cell as its run saw it. */
export const asObserved = (cell: CellRecord): CellRecord => cell.stale?.was ?? cell
