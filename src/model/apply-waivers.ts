/** Which cells a waiver covers: decided here and nowhere else. */
import type { CellRecord, FailureRecord, WaiverRecord } from './run-record.ts'
import type { Waiver, WaiverState, WaiverUse } from './waiver.ts'

const dayMs = 24 * 3600 * 1000

/** As much of a cell as decides whether a waiver covers it. */
export type WaivableCell = Pick<CellRecord, 'outcome' | 'stack' | 'environment' | 'failures' | 'needs'>

export interface WaiverContext {
  readonly waivers: readonly Waiver[]
  /** ISO 8601, UTC. */
  readonly startedAt: string
  /** Row id → base id. */
  readonly bases: ReadonlyMap<string, string>
}

export function applyWaivers(
  cells: readonly CellRecord[],
  context: WaiverContext,
): { readonly cells: readonly CellRecord[]; readonly waivers: readonly WaiverUse[] } {
  const covered = cells.map((cell) => {
    const first = coverOf(cell, context).toSorted((a, b) => (a.expires < b.expires ? -1 : 1))[0]
    return first === undefined ? cell : { ...cell, waiver: recordOf(first) }
  })
  const uses = context.waivers.map((waiver): WaiverUse => {
    const named = covered.filter((cell) => names(waiver, [cell.stack], cell.environment, context.bases))
    const left = daysLeft(waiver, context.startedAt)
    // One of several that cover the same, or that cover a cell in part, is no less in use.
    const used = cells.some((cell) => coversAny(waiver, cell, context.bases))
    const state = left < 0 ? 'ended' : used ? 'used' : idleState(named)
    return { ...waiver, state, daysLeft: left, cells: named.map((cell) => cell.id) }
  })
  return { cells: covered, waivers: uses }
}

function idleState(named: readonly CellRecord[]): WaiverState {
  if (named.length === 0) return 'absent'
  if (named.some((cell) => cell.outcome === 'fail')) return 'other-failure'
  return named.every((cell) => cell.outcome === 'pass') ? 'passing' : 'unobserved'
}

const recordOf = ({ reason, owner, expires }: Waiver): WaiverRecord => ({ reason, owner, expires })

/** One waiver for each failure of the cell, or none at all: what is covered in part is not covered. */
export function coverOf(cell: WaivableCell, { waivers: declared, startedAt, bases }: WaiverContext): readonly Waiver[] {
  if (cell.outcome !== 'fail' || cell.failures.length === 0) return []
  const waivers = declared.filter((waiver) => daysLeft(waiver, startedAt) >= 0)
  const found: Waiver[] = []
  for (const failure of cell.failures) {
    // What could not be observed cannot be accepted.
    if (failure.kind !== 'fail') return []
    const waiver = waivers.find((one) => covers(one, { failure, cell, bases }))
    if (waiver === undefined) return []
    found.push(waiver)
  }
  return found
}

const coversAny = (waiver: Waiver, cell: WaivableCell, bases: ReadonlyMap<string, string>): boolean =>
  cell.outcome === 'fail' &&
  cell.failures.some((failure) => failure.kind === 'fail' && covers(waiver, { failure, cell, bases }))

function covers(
  waiver: Waiver,
  context: {
    readonly failure: FailureRecord
    readonly cell: WaivableCell
    readonly bases: ReadonlyMap<string, string>
  },
): boolean {
  const { failure, cell, bases } = context
  const { check, signature } = waiver.match
  const failedNeeds = cell.needs.filter((need) => need.outcome === 'fail').map((need) => need.stack)
  const rows = failure.stage === 'needs' ? [cell.stack, ...failedNeeds] : [cell.stack]
  return (
    names(waiver, rows, cell.environment, bases) &&
    (check === undefined || check === failure.check) &&
    signature === failure.signature
  )
}

function names(
  waiver: Waiver,
  rows: readonly string[],
  environment: string,
  bases: ReadonlyMap<string, string>,
): boolean {
  const { stack } = waiver.match
  return waiver.match.environment === environment && rows.some((row) => row === stack || bases.get(row) === stack)
}

function daysLeft(waiver: Waiver, startedAt: string): number {
  return Math.round((Date.parse(waiver.expires) - Date.parse(startedAt.slice(0, 10))) / dayMs)
}
