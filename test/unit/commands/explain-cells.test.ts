import { expect, test } from 'vitest'
import { inOrder, shareOf } from '../../../src/commands/explain-cells.ts'
import type { CellRecord } from '../../../src/model/run-record.ts'

const cell = (id: string, durationMs: number, signature: string, rest: Partial<CellRecord> = {}) => ({
  record: { id, durationMs, signature, outcome: 'fail', waiver: null, change: 'regressed', ...rest } as CellRecord,
})
const waiver = { reason: 'known', owner: 'ops', expires: '2030-01-01' }

test('new failures come first, one of each signature and the quickest of them; waived and known ones last', () => {
  const cells = [
    cell('waived', 1, 's1:a', { waiver }),
    cell('known', 2, 's1:b', { change: 'unchanged' }),
    cell('slow', 9, 's1:c'),
    cell('quick', 3, 's1:c'),
    cell('second', 5, 's1:a'),
    cell('passes', 1, 's1:d', { outcome: 'pass' }),
  ]
  expect(inOrder(cells).map(({ record }) => record.id)).toEqual(['quick', 'second', 'slow', 'known', 'waived'])
})

test('a cell may take its share of the time that is left, and no less than two minutes while there is so much', () => {
  const minutes = (leftMin: number, cells: number) => shareOf(leftMin * 60_000, cells) / 60_000
  expect([minutes(15, 1), minutes(15, 3), minutes(15, 40), minutes(1, 1), minutes(1, 9)]).toEqual([15, 5, 2, 1, 1])
})
