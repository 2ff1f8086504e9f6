import { expect, test } from 'vitest'
import { knownAnswers } from '../../../src/explain/known-answers.ts'
import { keyOfCell } from '../../../src/explain/subject.ts'
import type { CellRecord } from '../../../src/model/run-record.ts'
import { runnableCell } from '../../support/declared.ts'
import { simulatedCell } from '../../support/simulated-cell.ts'

const cellAt = (environment: string) => runnableCell({ id: `api@${environment}`, environment })
const recordOf = (outcome: 'pass' | 'fail', ranOn: string | null) =>
  ({
    outcome,
    ranOn,
    stage: null,
    reason: null,
    message: null,
    signature: null,
    durationMs: 1,
    checks: [],
  }) as Partial<CellRecord> as CellRecord

/** Which cells' answers are known where the cell failed on the first of these engines and another passed on the second. */
function known(ranOn: string | null, elsewhere: string | null): readonly string[] {
  const cell = cellAt('qa')
  const subject = { ...simulatedCell(['read_only'], []), keyOf: () => keyOfCell(cell) }
  const others = [{ cell: cellAt('plain'), record: recordOf('pass', elsewhere) }]
  return knownAnswers(subject, { cell, record: recordOf('fail', ranOn), others }).map(({ from }) => from)
}

test('a cell under some of the constraints answers for these', () => {
  const cell = cellAt('qa')
  const subject = { ...simulatedCell(['read_only'], []), keyOf: () => 'other' }
  const tight = { ...cellAt('tight'), timeScale: 2 }
  const record = recordOf('fail', 'unix:///a.sock')
  const answers = knownAnswers(subject, { cell, record, others: [{ cell: tight, record }] })
  expect(answers.map(({ key, from }) => [key, from])).toEqual([
    ['other', 'api@qa'],
    [keyOfCell(tight), 'api@tight'],
  ])
})

test('a cell with no constraint on the same engine has answered already', () => {
  expect(known('unix:///a.sock', 'unix:///a.sock')).toEqual(['api@qa', 'api@plain'])
})

test.each([
  ['unix:///a.sock', 'tcp://b'],
  ['unix:///a.sock', null],
  [null, null],
])('one on another engine, or on one that is not known, has not (%s, %s)', (here, there) => {
  expect(known(here, there)).toEqual(['api@qa'])
})
