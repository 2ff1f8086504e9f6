/** In which order the cells of a run want their places. */
import type { RunnableCell } from '../model/plan.ts'

/**
 * Row by row, so that whole rows are answered early, whichever host is up first; the row with the longest cell first, and
 * of a row the longest cell, so that the run does not end waiting for it.
 */
export function inTurn(
  cells: readonly RunnableCell[],
  expectedMs: (cell: string) => number | null,
): readonly RunnableCell[] {
  const durationOf = ({ id }: RunnableCell) => expectedMs(id) ?? 0
  const longest = new Map<string, number>()
  for (const cell of cells) longest.set(cell.row, Math.max(longest.get(cell.row) ?? 0, durationOf(cell)))
  const rows = [...longest].sort(([, a], [, b]) => b - a).map(([row]) => row)
  return rows.flatMap((row) =>
    cells.filter((cell) => cell.row === row).toSorted((a, b) => durationOf(b) - durationOf(a)),
  )
}
