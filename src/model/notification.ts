/** What somebody is told after a night in which something changed. Its members are documented in docs/nightly.md. */
import type { Change } from './comparison.ts'
import type { CellOutcome } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { soonDays } from './waiver.ts'

export interface Notification {
  readonly version: 1
  readonly run: string
  readonly startedAt: string
  readonly outcome: RunRecord['outcome']
  readonly exitCode: number | null
  readonly sentence: string
  readonly commit: string | null
  /** The run that it is compared with. */
  readonly baseline: string | null
  readonly changed: readonly {
    readonly cell: string
    readonly change: Change
    readonly outcome: CellOutcome
    readonly message: string | null
    readonly signature: string | null
    readonly causes: readonly string[]
    readonly waived: boolean
    readonly flaky: boolean
  }[]
  readonly lost: readonly string[]
  /** Waivers that ended, end soon, or are of no use any more. */
  readonly waivers: readonly { readonly at: string; readonly state: string; readonly expires: string }[]
  /** Relative to the project. */
  readonly report: string
}

/** Null where nothing changed since the run before; without one, where everything is green. */
export function notificationOf(
  run: RunRecord,
  told: { readonly sentence: string; readonly report: string },
): Notification | null {
  const isNews = (cell: RunRecord['cells'][number]) =>
    run.baseline === null ? cell.outcome !== 'pass' && cell.outcome !== 'excluded' : cell.change !== 'unchanged'
  const changed = run.cells.filter(isNews).map((cell) => ({
    cell: cell.id,
    change: cell.change ?? 'new',
    outcome: cell.outcome,
    message: cell.message,
    signature: cell.signature,
    causes: cell.causes.map((cause) => cause.constraints.join(' and ')),
    waived: cell.waiver !== null,
    flaky: cell.flaky,
  }))
  if (changed.length === 0 && run.lost.length === 0 && run.complete) return null
  return {
    version: 1,
    run: run.id,
    startedAt: run.startedAt,
    outcome: run.outcome,
    exitCode: run.exitCode,
    sentence: told.sentence,
    commit: run.source?.commit ?? null,
    baseline: run.baseline?.run ?? null,
    changed,
    lost: run.lost,
    waivers: run.waivers
      .filter((waiver) => waiver.daysLeft <= soonDays || waiver.state === 'passing' || waiver.state === 'other-failure')
      .map(({ at, state, expires }) => ({ at, state, expires })),
    report: told.report,
  }
}
