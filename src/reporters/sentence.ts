/** What a run comes to, in one sentence. */
import type { CellOutcome } from '../model/outcome.ts'
import type { RunRecord } from '../model/run-record.ts'
import { formatDuration } from './duration.ts'

const order: readonly CellOutcome[] = ['fail', 'error', 'blocked', 'cancelled', 'not-run', 'pass', 'excluded']
const named: Readonly<Record<CellOutcome, string>> = {
  pass: 'passed',
  fail: 'failed',
  error: 'could not be observed',
  blocked: 'blocked by a build',
  cancelled: 'cancelled',
  'not-run': 'not run',
  excluded: 'excluded',
}

export function verdictSentence(run: RunRecord): string {
  const count = (outcome: CellOutcome) => run.cells.filter((cell) => cell.outcome === outcome).length
  const parts = order.filter((outcome) => count(outcome) > 0).map((outcome) => `${count(outcome)} ${named[outcome]}`)
  return `${opening(run)}: ${parts.join(', ')}, in ${formatDuration(run.durationMs)}.`
}

function opening(run: RunRecord): string {
  if (!run.complete) return 'The run was killed before it ended'
  switch (run.outcome) {
    case 'pass':
      return 'Every expected cell passed'
    case 'fail':
      return 'Something failed'
    case 'cancelled':
      return 'The run was stopped'
    case 'trouble':
      return 'Nothing failed, but not everything could be observed'
    case 'unknown':
      return 'The run broke off'
  }
}
