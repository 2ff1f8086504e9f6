import { expect, test } from 'vitest'
import type { RunnableCell } from '../../../src/model/plan.ts'
import { inTurn } from '../../../src/run/turns.ts'

const cells = ['api', 'site', 'db'].flatMap((row) =>
  ['qa', 'shop'].map((environment) => ({ id: `${row}@${environment}`, row, environment }) as RunnableCell),
)
const turns = (expected: Readonly<Record<string, number>>) =>
  inTurn(cells, (id) => expected[id] ?? null).map(({ id }) => id)

test('the row with the longest cell comes first, whole, its longest cell before the others', () => {
  const expected = { 'api@qa': 5, 'site@qa': 1, 'site@shop': 2, 'db@qa': 1, 'db@shop': 9 }
  expect(turns(expected)).toEqual(['db@shop', 'db@qa', 'api@qa', 'api@shop', 'site@shop', 'site@qa'])
})

test('where nothing is known of any, rows come as they are planned', () => {
  expect(turns({})).toEqual(cells.map(({ id }) => id))
})
