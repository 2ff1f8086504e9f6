/** A badge in the form that shields.io asks an endpoint for. */
import type { RunRecord } from '../model/run-record.ts'

const colors: Readonly<Record<RunRecord['outcome'], string>> = {
  pass: 'brightgreen',
  fail: 'red',
  trouble: 'orange',
  cancelled: 'lightgrey',
  unknown: 'lightgrey',
}

export function renderBadge(run: RunRecord): string {
  const expected = run.cells.filter((cell) => cell.outcome !== 'excluded')
  const passed = expected.filter((cell) => cell.outcome === 'pass').length
  const badge = {
    schemaVersion: 1,
    label: 'matrix',
    message: run.complete ? `${passed} of ${expected.length} pass` : run.underWay ? 'under way' : 'killed',
    color: colors[run.outcome],
  }
  return `${JSON.stringify(badge)}\n`
}
