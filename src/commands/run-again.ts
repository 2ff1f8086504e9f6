/** Runs a cell that newly fails again, alone, so that a flake is called one. Its outcome stays what it was. */
import type { Clock } from '../lib/clock.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { Plan } from '../model/plan.ts'
import type { CellRecord, RunRecord } from '../model/run-record.ts'
import type { Afterwards } from '../run/trial.ts'

const times = 2

export interface RunAgainOptions {
  readonly plan: Plan
  /** The run so far. */
  readonly fold: () => RunRecord
  readonly clock: Clock
  /** No cell is begun after this, on the clock; null: no limit. */
  readonly untilMs: number | null
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
}

/** Rejects only with the signal's reason. */
export async function runAgain(run: Afterwards, options: RunAgainOptions): Promise<void> {
  const { clock, emit, plan, progress, signal, untilMs } = options
  const planned = new Map(plan.cells.flatMap((cell) => (cell.kind === 'run' ? [[cell.id, cell] as const] : [])))
  for (const record of options.fold().cells.filter(newlyFails)) {
    const cell = planned.get(record.id)
    if (cell === undefined) continue
    for (let attempt = 1; attempt <= times; attempt++) {
      if (untilMs !== null && clock.now() > untilMs) return
      progress({ type: 'notice', text: `${record.id} is run again alone, ${attempt} of ${times}` })
      const { outcome, signature, durationMs } = await run.trial(cell, { signal })
      emit({ type: 'cell-again', cell: record.id, attempt: { outcome, signature, durationMs } })
    }
  }
}

/** What failed in the same way in the run before has been looked at then. */
const newlyFails = (cell: CellRecord): boolean =>
  cell.outcome === 'fail' && cell.waiver === null && cell.change !== 'unchanged'
