/** The causes that a run's cells have, each on its own or by the cell that fails alike. */
import type { CauseRecord, CellRecord, RunRecord } from '../model/run-record.ts'

/** Cell → its causes, or those that the run gives it as it fails alike. */
export type Causes = ReadonlyMap<string, readonly CauseRecord[]>

export function causesOf(run: RunRecord): Causes {
  const own = new Map(run.cells.map(({ id, causes }) => [id, causes]))
  return new Map(
    run.groups.flatMap(({ cells }) => {
      const found = cells.map((id) => own.get(id) ?? []).find((causes) => causes.length > 0) ?? []
      return cells.map((id) => [id, found] as const)
    }),
  )
}

/** Every cause of a cell, for each of them fails it; null where none is known. */
export function becauseOf(cell: CellRecord, causes: Causes): string | null {
  return (causes.get(cell.id) ?? []).map(({ constraints }) => constraints.join(' and ')).join(', and of ') || null
}
