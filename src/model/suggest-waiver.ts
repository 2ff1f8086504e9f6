/** The waivers that would cover a failing cell: one for each thing that went wrong in it. */
import type { CellRecord } from './run-record.ts'
import type { Waiver } from './waiver.ts'

export type WaiverMatch = Waiver['match']

/** Empty where nothing in the cell can be waived: it does not fail, or a part of it could not be observed. */
export function waiverMatches(cell: CellRecord): readonly WaiverMatch[] {
  if (cell.outcome !== 'fail' || cell.failures.some((failure) => failure.kind !== 'fail')) return []
  const { stack, environment } = cell
  return cell.failures.map(({ check, signature }) => ({
    stack,
    environment,
    ...(check === null ? {} : { check }),
    signature,
  }))
}
