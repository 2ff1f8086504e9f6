import { expect, test } from 'vitest'
import { differencesOf } from '../../../src/model/differences.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CheckRecord, ConstraintRecord } from '../../../src/model/run-record.ts'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const constraint = (key: string, value: ConstraintRecord['value'], observed: ConstraintRecord['observed']) =>
  ({ key, value, observed, provenance: 'enforced', agrees: observed === null ? null : true }) as const

const runOf = (constraints: readonly ConstraintRecord[], checks: readonly CheckRecord[]) =>
  foldRun([
    ...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }, checks),
    { atMs: 1, type: 'cell-constraints', cell: 'api@qa', constraints },
    finished,
  ])

test('what was not seen differs from nothing; what is declared is told in its unit', () => {
  const passed = runOf(
    [
      constraint('mem_limit', 64 * 1024 ** 2, 64 * 1024 ** 2),
      constraint('read_only', true, true),
      constraint('tmpfs:/tmp', '', 'rw'),
    ],
    [checkRecord('it answers', { expected: { status: 200 } }), checkRecord('gone', { expected: 1 })],
  )
  const ended = runOf(
    [constraint('mem_limit', 24 * 1024 ** 2, null), constraint('read_only', true, null)],
    [checkRecord('it answers', { outcome: 'not-run' })],
  )
  expect(differencesOf(passed, ended, 'api@qa')).toEqual([
    { what: 'constraint mem_limit', before: '64 MiB', after: '24 MiB' },
    { what: 'constraint tmpfs:/tmp', before: '""', after: null },
    { what: 'tmpfs:/tmp as observed', before: 'enforced "rw"', after: null },
    { what: 'check "gone"', before: '1', after: null },
  ])
})

test('a cell that did not come to its constraints has lost none', () => {
  const passed = runOf([constraint('read_only', true, true)], [checkRecord('it answers', { expected: 1 })])
  expect(differencesOf(passed, runOf([], [checkRecord('it answers', { outcome: 'not-run' })]), 'api@qa')).toEqual([])
  expect(differencesOf(passed, runOf([], [checkRecord('it answers', { expected: 1 })]), 'api@qa')).toHaveLength(2)
})
