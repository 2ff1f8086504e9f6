/** How an outcome looks: a shape and a word beside its colour, the same everywhere in the report. */
import type { Change } from '../../model/comparison.ts'
import type { CellOutcome, CheckOutcome } from '../../model/outcome.ts'
import type { CellRecord } from '../../model/run-record.ts'

/** `known`: a failure that a waiver covers. `stale`: an answer of an earlier run that does not count any more. */
export type Look = CellOutcome | 'known' | 'stale'

export const shapes: Readonly<Record<Look, string>> = {
  pass: '✔',
  fail: '✘',
  known: '◇',
  error: '!',
  blocked: '■',
  excluded: '–',
  cancelled: '/',
  'not-run': '?',
  stale: '?',
}
export const words: Readonly<Record<Look, string>> = {
  pass: 'pass',
  fail: 'fail',
  known: 'waived',
  error: 'error',
  blocked: 'blocked',
  excluded: 'excluded',
  cancelled: 'cancelled',
  'not-run': 'not run',
  stale: 'stale',
}

export const answerLook = (state: { readonly outcome: CellOutcome; readonly waived: boolean }): Look =>
  state.outcome === 'fail' && state.waived ? 'known' : state.outcome

export const lookOf = (cell: Pick<CellRecord, 'outcome' | 'waiver' | 'stale'>): Look =>
  cell.stale === undefined ? answerLook({ outcome: cell.outcome, waived: cell.waiver !== null }) : 'stale'

export const checkLook = (outcome: CheckOutcome): Look => outcome

/** What is worth a word beside the outcome. */
export const changeWords: Readonly<Record<Change, string | null>> = {
  regressed: 'regressed',
  malfunctioned: 'malfunctioned',
  lost: 'lost',
  new: 'new',
  fixed: 'fixed',
  unchanged: null,
}
