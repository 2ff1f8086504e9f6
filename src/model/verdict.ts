/** What a run comes to, and the exit code that says so: computed here and nowhere else. */
import type { BuildRecord, CellRecord, Gate, RunOutcome } from './run-record.ts'

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
  run: {
    readonly cells: readonly CellRecord[]
    readonly builds: readonly BuildRecord[]
    readonly gate: Gate
    readonly baseline: object | null
  },
  how: 'ended' | 'interrupted' | 'internal',
): Verdict {
  if (how === 'interrupted') return { outcome: 'cancelled', exitCode: exitCodes.interrupted }
  if (how === 'internal') return { outcome: 'unknown', exitCode: exitCodes.internal }
  const expected = run.cells.filter((cell) => cell.outcome !== 'excluded')
  const gated = (cell: CellRecord) => run.gate === 'unwaived' || run.baseline === null || cell.change === 'regressed'
  const failing = expected.filter((cell) => cell.outcome === 'fail' && cell.waiver === null)
  const unbuilt = expected.filter((cell) => cell.outcome === 'blocked' && cell.reason === 'build-step')
  const builds = run.builds.filter((build) => build.outcome === 'fail')
  if ([...failing, ...unbuilt].some(gated) || (builds.length > 0 && unbuilt.length === 0)) {
    return { outcome: 'fail', exitCode: exitCodes.failed }
  }
  const known = new Set([...failing, ...unbuilt])
  const green = expected.every(
    (cell) => cell.outcome === 'pass' || (cell.outcome === 'fail' && cell.waiver !== null) || known.has(cell),
  )
  if (!green || expected.length === 0) return { outcome: 'trouble', exitCode: exitCodes.trouble }
  // Failures that the gate lets through are failures still; only the exit code is the gate's.
  return { outcome: known.size > 0 ? 'fail' : 'pass', exitCode: exitCodes.green }
}
