import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { FailureRecord } from '../../../src/model/run-record.ts'
import { waiverMatches } from '../../../src/model/suggest-waiver.ts'
import { verdictOf } from '../../../src/model/verdict.ts'
import type { Waiver } from '../../../src/model/waiver.ts'
import { renderFinal } from '../../../src/reporters/terminal-final.ts'
import { eventsOf } from '../../support/runs.ts'

const signature = 's1:0123456789ab'
const failure = (check: string | null, rest: Partial<FailureRecord> = {}): FailureRecord => ({
  kind: 'fail',
  stage: check === null ? 'ready' : 'check',
  check,
  reason: 'mismatch',
  message: 'it did not hold',
  signature,
  ...rest,
})
const waiver = (match: Partial<Waiver['match']> = {}, expires = '2026-03-01'): Waiver => ({
  match: { stack: 'api', environment: 'qa', signature, ...match },
  reason: 'known',
  owner: '@ops',
  issue: null,
  created: '2026-01-01',
  expires,
  at: 'waivers.yaml:2:3',
})

/** A run of one failing cell, started on 2026-01-31. */
function runOf(failures: readonly FailureRecord[], waivers: readonly Waiver[], base = 'api') {
  const events = eventsOf(['api', 'db'], ['qa'], { 'api@qa': 'fail', 'db@qa': 'pass' }).map((event): RunEvent => {
    if (event.type === 'run-started') {
      return { ...event, waivers, rows: event.rows.map((row) => (row.id === 'api' ? { ...row, base } : row)) }
    }
    return event.type === 'cell-finished' && event.cell === 'api@qa' ? { ...event, failures } : event
  })
  return foldRun(events)
}
const isWaived = (failures: readonly FailureRecord[], waivers: readonly Waiver[]) =>
  runOf(failures, waivers).cells[0]?.waiver !== null

describe('a waiver', () => {
  test('covers the failure that it names, and the run is green', () => {
    const run = runOf([failure('a')], [waiver({ signature })])
    expect(run.cells[0]?.waiver).toEqual({ reason: 'known', owner: '@ops', expires: '2026-03-01' })
    expect(run.waivers).toMatchObject([{ state: 'used', daysLeft: 29, cells: ['api@qa'] }])
    expect(verdictOf(run, 'ended')).toEqual({ outcome: 'pass', exitCode: 0 })
  })
  test('covers on its last day, and not on the day after', () => {
    expect(isWaived([failure('a')], [waiver({}, '2026-01-31')])).toBe(true)
    const run = runOf([failure('a')], [waiver({}, '2026-01-30')])
    expect(run.waivers).toMatchObject([{ state: 'ended', daysLeft: -1 }])
    expect(verdictOf(run, 'ended').exitCode).toBe(1)
  })
  test('is in use beside another that covers the same, and where another failure of the cell is not covered', () => {
    const twice = runOf([failure('a')], [waiver(), waiver({}, '2026-04-01')])
    expect(twice.waivers).toMatchObject([{ state: 'used' }, { state: 'used' }])
    const inPart = runOf([failure('a'), failure('b', { signature: 's1:ffffffffffff' })], [waiver()])
    expect(inPart.cells[0]?.waiver).toBeNull()
    expect(inPart.waivers).toMatchObject([{ state: 'used' }])
  })
  test('of another signature covers nothing', () => {
    const run = runOf([failure('a')], [waiver({ signature: 's1:ffffffffffff' })])
    expect(run.cells[0]?.waiver).toBeNull()
    expect(run.waivers).toMatchObject([{ state: 'other-failure' }])
  })
  test('has to cover everything that fails', () => {
    const both = [failure('a'), failure('b', { signature: 's1:bbbbbbbbbbbb' })]
    expect(isWaived(both, [waiver({ check: 'a' })])).toBe(false)
    expect(isWaived(both, [waiver()])).toBe(false)
    expect(isWaived(both, [waiver(), waiver({ signature: 's1:bbbbbbbbbbbb' })])).toBe(true)
  })
  test('of a check covers no other, though it fails alike', () => {
    expect(isWaived([failure('a')], [waiver({ check: 'b' })])).toBe(false)
    expect(isWaived([failure('a')], [waiver({ check: 'a' })])).toBe(true)
  })
  test('never covers what could not be observed', () => {
    expect(isWaived([failure('a'), failure('b', { kind: 'error' })], [waiver()])).toBe(false)
  })
  test('of a base covers its variants, of another row nothing', () => {
    const run = runOf([failure('a')], [waiver({ stack: 'shop' })], 'shop')
    expect(run.cells[0]?.waiver).not.toBeNull()
    expect(isWaived([failure('a')], [waiver({ stack: 'shop' })])).toBe(false)
  })
  test('of a cell that passes asks to be removed; of none, says so', () => {
    const run = runOf([failure('a')], [waiver({ stack: 'db' }), waiver({ stack: 'gone' })])
    expect(run.waivers.map((one) => one.state)).toEqual(['passing', 'absent'])
  })
  test('of a need covers the cell that fails for it', () => {
    const events = eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }).flatMap((event): RunEvent[] => {
      if (event.type === 'run-started') return [{ ...event, waivers: [waiver({ stack: 'db', signature })] }]
      if (event.type !== 'cell-finished') return [event]
      const need = { stack: 'db', imageId: `sha256:${'a'.repeat(64)}`, outcome: 'fail' as const }
      return [
        { atMs: event.atMs, type: 'cell-need', cell: event.cell, need },
        { ...event, failures: [failure(null, { stage: 'needs' })] },
      ]
    })
    expect(foldRun(events).cells[0]?.waiver).not.toBeNull()
  })
  test('is suggested such that it covers', () => {
    const failures = [failure('a'), failure('b', { signature: 's1:bbbbbbbbbbbb' })]
    const [cell] = runOf(failures, []).cells
    const matches = cell === undefined ? [] : waiverMatches(cell)
    expect(matches).toHaveLength(2)
    expect(
      isWaived(
        failures,
        matches.map((match) => waiver(match)),
      ),
    ).toBe(true)
  })
})

test('the end of a run tells what is waived, and which waivers ask for somebody', () => {
  const run = runOf([failure('a')], [waiver({ signature }, '2026-02-02'), waiver({ stack: 'db' })])
  const text = renderFinal(run, { columns: 100, color: false, reportPath: 'x', timing: false, evidence: () => null })
  expect(text).toContain('◇ waived')
  expect(text).toContain('waived by @ops until 2026-02-02: known')
  expect(text).toContain('waiver of api@qa (waivers.yaml:2:3) ends on 2026-02-02')
  expect(text).toContain('waiver of db@qa (waivers.yaml:2:3) covers what passes; remove it')
})
