/** What a run's own cells have answered already, so that it need not be asked again. */
import type { RunnableCell } from '../model/plan.ts'
import type { CellRecord } from '../model/run-record.ts'
import { type Answer, keeping, type Subject } from './probe.ts'
import type { KnownAnswer } from './prober.ts'
import { keyOfCell } from './subject.ts'

interface RunCell {
  readonly cell: RunnableCell
  readonly record: CellRecord
}

/** The cell's own answer, and that of a cell that was the same without constraints, by another name. */
export function knownAnswers(
  subject: Subject,
  { cell, record, others }: RunCell & { readonly others: readonly RunCell[] },
): readonly KnownAnswer[] {
  const own: KnownAnswer = { configuration: keeping(subject.atoms), answer: recorded(record), from: cell.id }
  const none = keeping([])
  const bare = others.find(
    (other) =>
      other.cell.row === cell.row &&
      // What passes on one engine may fail on another.
      record.ranOn !== null &&
      other.record.ranOn === record.ranOn &&
      (other.record.outcome === 'pass' || other.record.outcome === 'fail') &&
      keyOfCell(other.cell) === subject.keyOf(none),
  )
  return bare === undefined ? [own] : [own, { configuration: none, answer: recorded(bare.record), from: bare.cell.id }]
}

export function recorded(record: CellRecord): Answer {
  const { outcome, stage, reason, message, signature, durationMs } = record
  return {
    outcome: outcome === 'pass' || outcome === 'fail' ? outcome : 'unresolved',
    stage,
    reason,
    message,
    signature,
    clues: record.checks.map((check) => `${check.message ?? ''} ${JSON.stringify(check.actual)}`).join('\n'),
    durationMs,
  }
}
