/** The answer of a cell that was not started. */
import type { CellOutcome, Reason } from '../model/outcome.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { ObservedIn } from '../model/run-record.ts'
import type { RunDeps } from './deps.ts'

/** Nothing that the answer depends on has changed since it passed. */
export function answerKnown(
  cell: RunnableCell,
  options: {
    readonly known: ObservedIn
    readonly fingerprint: string
    readonly imageIds: ReadonlyMap<string, string>
    readonly deps: Pick<RunDeps, 'emit'>
  },
): void {
  const workload = cell.copies.find(({ role }) => role === 'workload')
  options.deps.emit({
    ...unstarted(cell),
    outcome: 'pass',
    stage: null,
    reason: null,
    message: null,
    fingerprint: options.fingerprint,
    imageId: workload === undefined ? null : (options.imageIds.get(workload.row) ?? null),
    observedIn: options.known,
  })
}

export function answerUnstarted(
  cell: RunnableCell,
  deps: Pick<RunDeps, 'emit'>,
  answer: {
    readonly outcome: CellOutcome
    readonly stage: 'build' | 'distribute' | 'constraints'
    readonly reason: Reason
    readonly message: string
  },
): void {
  deps.emit({ ...unstarted(cell), ...answer })
}

/** What is known of a cell that was not started. */
const unstarted = (cell: RunnableCell) =>
  ({
    type: 'cell-finished',
    cell: cell.id,
    signature: null,
    fingerprint: null,
    imageId: null,
    durationMs: 0,
    findings: cell.findings,
    evidence: [],
  }) as const
