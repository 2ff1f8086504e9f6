/** Two runs side by side: what a cell was, what it is, and how that is called. */
import type { CellOutcome, Reason } from './outcome.ts'

/**
 * `regressed`: fails, and did not before, or fails otherwise; `malfunctioned`: could not be observed, and could before;
 * `fixed`: passes, and did not before; `new`: was not there before; `lost`: answered before, and does not any more.
 */
export const changes = ['regressed', 'malfunctioned', 'lost', 'new', 'fixed', 'unchanged'] as const
export type Change = (typeof changes)[number]

/** As much of a cell as a comparison needs. */
export interface CellState {
  readonly outcome: CellOutcome
  readonly reason?: Reason | null
  readonly signature: string | null
  readonly waived: boolean
}

/** What an earlier run answered, as the journal of a later one keeps it. */
export interface Baseline {
  readonly run: string
  readonly startedAt: string
  readonly cells: Readonly<Record<string, CellState>>
}

type Standing = 'good' | 'bad' | 'known' | 'trouble' | 'none'

/** The product's own failed build blocks a cell as a failure, not as trouble. */
function standingOf(state: CellState | null): Standing {
  if (state === null) return 'none'
  switch (state.outcome) {
    case 'pass':
      return 'good'
    case 'fail':
      return state.waived ? 'known' : 'bad'
    case 'blocked':
      return state.reason === 'build-step' ? 'bad' : 'trouble'
    case 'error':
      return 'trouble'
    default:
      return 'none'
  }
}

/** Null where a cell is neither in the one nor in the other. */
export function changeOf(before: CellState | null, now: CellState | null): Change | null {
  const was = standingOf(before)
  const is = standingOf(now)
  if (is === 'none') return was === 'none' ? (now === null ? null : 'unchanged') : 'lost'
  if (was === 'none') return 'new'
  switch (is) {
    case 'good':
      return was === 'good' ? 'unchanged' : 'fixed'
    case 'bad':
      return was === 'bad' && before?.signature === now?.signature ? 'unchanged' : 'regressed'
    case 'known':
      return was === 'known' || was === 'bad' ? 'unchanged' : 'regressed'
    case 'trouble':
      return was === 'trouble' ? 'unchanged' : 'malfunctioned'
  }
}
