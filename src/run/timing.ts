/** How long a run took against how long it had to take. */
import type { Plan } from '../model/plan.ts'
import type { RunRecord } from '../model/run-record.ts'

export interface Measured {
  /** Cell → milliseconds, from its start to its verdict. */
  readonly cells: ReadonlyMap<string, number>
  /** Build key → milliseconds. */
  readonly builds: ReadonlyMap<string, number>
  readonly makespanMs: number
  readonly distributeMs: number
  readonly bytesDistributed: number
  readonly imagesFetched: number
}

/** The lower bound is the critical path: an image, then the longest cell that had to wait for it. */
export function timingOf(plan: Plan, measured: Measured): RunRecord['timing'] {
  let lowerBoundMs = 0
  for (const cell of plan.cells) {
    if (cell.kind !== 'run') continue
    const builds = cell.copies.map((copy) => measured.builds.get(copy.buildKey) ?? 0)
    lowerBoundMs = Math.max(lowerBoundMs, Math.max(0, ...builds) + (measured.cells.get(cell.id) ?? 0))
  }
  const buildMs = [...measured.builds.values()].reduce((sum, duration) => sum + duration, 0)
  return {
    makespanMs: Math.round(measured.makespanMs),
    lowerBoundMs: Math.round(lowerBoundMs),
    buildMs: Math.round(buildMs),
    distributeMs: Math.round(measured.distributeMs),
    bytesDistributed: measured.bytesDistributed,
    imagesFetched: measured.imagesFetched,
  }
}
