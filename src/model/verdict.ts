/** What a run comes to, and the exit code that says so: computed here and nowhere else. */
import type { BuildRecord, CellRecord, RunOutcome } from './run-record.ts'

export interface Verdict {
  readonly outcome: RunOutcome
  readonly exitCode: number
}

/** Exit codes of `check`; of several that apply, the first in this order counts. */
export const exitCodes = { interrupted: 130, internal: 70, usage: 2, failed: 1, trouble: 3, green: 0 } as const

/**
 * @param how `interrupted`: the user stopped the run; `internal`: a defect of Matrix ended it; `ended`: neither.
 * A run in which no cell was expected shows nothing, and is trouble.
 */
export function verdictOf(
  run: { readonly cells: readonly CellRecord[]; readonly builds: readonly BuildRecord[] },
  how: 'ended' | 'interrupted' | 'internal',
): Verdict {
  if (how === 'interrupted') return { outcome: 'cancelled', exitCode: exitCodes.interrupted }
  if (how === 'internal') return { outcome: 'unknown', exitCode: exitCodes.internal }
  const expected = run.cells.filter((cell) => cell.outcome !== 'excluded')
  const failed = expected.some((cell) => cell.outcome === 'fail' && cell.waiver === null)
  if (failed || run.builds.some((build) => build.outcome === 'fail')) {
    return { outcome: 'fail', exitCode: exitCodes.failed }
  }
  const green = expected.every((cell) => cell.outcome === 'pass' || (cell.outcome === 'fail' && cell.waiver !== null))
  return green && expected.length > 0
    ? { outcome: 'pass', exitCode: exitCodes.green }
    : { outcome: 'trouble', exitCode: exitCodes.trouble }
}
