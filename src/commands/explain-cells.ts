/** Explains the failed cells of a run while its engines are still held: one cell a signature first, then the others. */
import { explainCell } from '../explain/explain-cell.ts'
import { defaultBudget } from '../explain/prober.ts'
import type { Clock } from '../lib/clock.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import type { CellRecord, RunRecord } from '../model/run-record.ts'
import type { Afterwards } from '../run/trial.ts'

export interface ExplainCellsOptions {
  readonly plan: Plan
  /** The run so far. */
  readonly fold: () => RunRecord
  /** For all cells together. */
  readonly budgetMs: number
  /** Nothing is asked after this, on the clock; null: no limit. */
  readonly untilMs: number | null
  /** Run what the stack could ask for before it is recommended. */
  readonly tryPatches: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
}

/** Rejects only with the signal's reason. */
export async function explainCells(run: Afterwards, options: ExplainCellsOptions): Promise<void> {
  const { budgetMs, clock, emit, plan, progress, signal, untilMs } = options
  const endsAt = Math.min(clock.now() + budgetMs, untilMs ?? Number.POSITIVE_INFINITY)
  const planned = new Map(plan.cells.flatMap((cell) => (cell.kind === 'run' ? [[cell.id, cell] as const] : [])))
  const { cells, environments } = options.fold()
  const all = cells.flatMap((record): readonly { cell: RunnableCell; record: CellRecord }[] => {
    const cell = planned.get(record.id)
    return cell === undefined ? [] : [{ cell, record }]
  })
  const passedAt = (id: string) => cells.some((cell) => cell.id === id && cell.outcome === 'pass')
  const failed = inOrder(all)
  for (const [index, one] of failed.entries()) {
    const leftMs = endsAt - clock.now()
    if (leftMs < leastMs) {
      progress({
        type: 'notice',
        text: `the time to explain is over; ${one.record.id} and what follows stays unexplained (--explain-budget gives more)`,
      })
      return
    }
    const environment = environments.find(({ id }) => id === one.record.environment)
    if (environment?.engine == null) continue
    const { engine } = environment
    const ms = shareOf(leftMs, failed.length - index)
    const event = await explainCell({
      ...one,
      engine: { ...engine, endpoint: String(environment.facts['endpoint'] ?? '') },
      elsewhere: environments.flatMap(({ id, engine: other }) =>
        other === null || id === one.record.environment
          ? []
          : [{ environment: id, engine: other, passed: passedAt(`${one.record.stack}@${id}`) }],
      ),
      project: plan.project,
      tryPatches: options.tryPatches,
      others: all.filter((other) => other !== one),
      trial: run.trial,
      parallel: await run.cpusOf(one.cell.environment),
      budget: { probes: defaultBudget.probes, ms },
      clock,
      signal,
      say: (text) => progress({ type: 'cell-search', cell: one.record.id, text }),
      onProbe: (probe) => progress({ type: 'cell-probe', cell: one.record.id, ...probe }),
    })
    emit(event)
    if (!event.explanation.complete && event.explanation.durationMs >= ms) {
      const text = `${one.record.id}: its ${Math.round(ms / 1000)} s were over before the search was; a longer --explain-budget gives it more`
      progress({ type: 'notice', text })
    }
  }
}

/**
 * How long one cell may be looked into: what is left is for all cells that are left, and yet a slow one needs a time
 * in which something can be found out.
 */
export const shareOf = (leftMs: number, cellsLeft: number): number =>
  Math.min(leftMs, Math.max(defaultBudget.ms, leftMs / cellsLeft))

/** With less it is not worth beginning. */
const leastMs = 5000

/**
 * What was built and failed; what is new before what is waived or known, of each first one cell of each signature, the
 * quickest of them.
 */
export function inOrder<T extends { readonly record: CellRecord }>(cells: readonly T[]): readonly T[] {
  const isKnown = ({ waiver, change }: CellRecord) => waiver !== null || change === 'unchanged'
  const failed = cells
    .filter(({ record }) => record.outcome === 'fail')
    .toSorted(
      (a, b) => Number(isKnown(a.record)) - Number(isKnown(b.record)) || a.record.durationMs - b.record.durationMs,
    )
  const seen = new Set<string | null>()
  const first = failed.filter(({ record }) => {
    const isFirst = !seen.has(record.signature)
    seen.add(record.signature)
    return isFirst
  })
  const order = [...first, ...failed.filter((cell) => !first.includes(cell))]
  return order.toSorted((a, b) => Number(isKnown(a.record)) - Number(isKnown(b.record)))
}
