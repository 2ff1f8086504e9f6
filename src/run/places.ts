/** How many cells a machine runs at a time, and how much of it one takes. */
import type { Claim } from '../lib/admission.ts'
import type { RunnableCell } from '../model/plan.ts'

const most = 8
/** A cell mostly waits: for its stack to start, to stay up, to stop. */
const cellsPerProcessor = 3

/** @param machine an emulated one does a fraction of what its processors would do, and one cell keeps each busy */
export function placesOf(machine: { readonly cpus: number; readonly emulated: boolean }): number {
  return machine.emulated ? Math.min(most, machine.cpus) : Math.min(most, machine.cpus * cellsPerProcessor)
}

const defaultMemoryBytes = 256 * 1024 ** 2
/** However much a cell starts, it does not start all of it at once. */
const mostPlacesOfOne = 3

/** @param concurrency cells at a time as the user wants them, each then takes one place; null: as much as it seems to need */
export function claimOf(
  cell: Pick<RunnableCell, 'copies' | 'exclusive'>,
  { concurrency }: { readonly concurrency: number | null },
): Claim {
  const bytes = cell.copies.reduce((sum, copy) => sum + (copy.config.constraints.mem_limit ?? defaultMemoryBytes), 0)
  // What asks for more memory also starts more: beside too many like it, it would miss deadlines that it keeps alone.
  const needed = Math.min(mostPlacesOfOne, Math.ceil(bytes / defaultMemoryBytes))
  return { bytes, places: concurrency === null ? needed : 1, exclusive: cell.exclusive }
}
