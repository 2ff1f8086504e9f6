/** Which engines to look at before the product: where most of what ran fails alike, the engine is what it has in common. */
import type { CellRecord, RunRecord } from './run-record.ts'

export interface SuspectEngine {
  /** Environments whose cells it ran. */
  readonly environments: readonly string[]
  /** Cells that fail alike. */
  readonly cells: readonly CellRecord[]
  /** How many cells answered there. */
  readonly of: number
}

/** Fewer may well be a coincidence. */
const fewest = 3

/**
 * An engine is suspect where over half of its cells fail alike, though they have no stack in common, and not so on every
 * engine. What was found to be due to a constraint tells nothing of the engine.
 */
export function suspectEngines(run: RunRecord): readonly SuspectEngine[] {
  const explained = new Set(run.groups.flatMap(({ cause, cells }) => (cause === null ? [] : cells)))
  const engines = new Map<string, CellRecord[]>()
  for (const cell of run.cells) {
    if (cell.ranOn === null || !['pass', 'fail', 'error'].includes(cell.outcome)) continue
    engines.set(cell.ranOn, [...(engines.get(cell.ranOn) ?? []), cell])
  }
  const found = [...engines.values()].flatMap((cells): readonly SuspectEngine[] => {
    const alike = mostAlike(cells.filter((cell) => !explained.has(cell.id)))
    if (alike.length < fewest || alike.length * 2 <= cells.length || haveStackInCommon(alike)) return []
    return [{ environments: [...new Set(cells.map((cell) => cell.environment))], cells: alike, of: cells.length }]
  })
  // What fails so everywhere is no matter of one engine.
  const everywhere = found.length === engines.size && new Set(found.map(({ cells }) => cells[0]?.signature)).size === 1
  return engines.size > 1 && everywhere ? [] : found
}

/** Of the stacks themselves, or of what they need and did not come up. */
function haveStackInCommon(cells: readonly CellRecord[]): boolean {
  const involved = cells.map((cell) => {
    const down = cell.needs.filter((need) => need.outcome !== 'pass').map((need) => need.stack)
    return new Set([cell.stack, ...down])
  })
  return [...(involved[0] ?? [])].some((stack) => involved.every((stacks) => stacks.has(stack)))
}

function mostAlike(cells: readonly CellRecord[]): readonly CellRecord[] {
  const groups = new Map<string, CellRecord[]>()
  for (const cell of cells) {
    if (cell.signature === null) continue
    groups.set(cell.signature, [...(groups.get(cell.signature) ?? []), cell])
  }
  return [...groups.values()].toSorted((a, b) => b.length - a.length)[0] ?? []
}
