/** What a run's own cells have answered already, so that it need not be asked again. */
import type { RunnableCell } from '../model/plan.ts'
import type { CellRecord } from '../model/run-record.ts'
import { type Answer, keeping, type Subject } from './probe.ts'
import type { KnownAnswer } from './prober.ts'
import { answerWith, keyOfCell } from './subject.ts'

interface RunCell {
  readonly cell: RunnableCell
  readonly record: CellRecord
}

/** The cell's own answer, and those of the row's other cells on the same engine, each under its own constraints. */
export function knownAnswers(
  subject: Subject,
  { cell, record, others }: RunCell & { readonly others: readonly RunCell[] },
): readonly KnownAnswer[] {
  const own: KnownAnswer = { key: subject.keyOf(keeping(subject.atoms)), answer: recorded(record), from: cell.id }
  const answered = others.filter(
    (other) =>
      other.cell.row === cell.row &&
      // What passes on one engine may fail on another.
      record.ranOn !== null &&
      other.record.ranOn === record.ranOn &&
      (other.record.outcome === 'pass' || other.record.outcome === 'fail'),
  )
  return [
    own,
    ...answered.map((other) => ({
      key: keyOfCell(other.cell),
      answer: recorded(other.record),
      from: other.cell.id,
    })),
  ]
}

export const recorded = (record: CellRecord): Answer => answerWith(record, [])
