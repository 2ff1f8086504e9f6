import { describe, expect, test } from 'vitest'
import { type CellState, changeOf } from '../../../src/model/comparison.ts'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import { baselineOf, flakeRate, type HistoryLine, pastRuns } from '../../../src/model/history.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { verdictOf } from '../../../src/model/verdict.ts'
import { eventsOf } from '../../support/runs.ts'

const state = (outcome: CellOutcome, rest: Partial<CellState> = {}): CellState => ({
  outcome,
  signature: outcome === 'fail' ? 's1:0123456789ab' : null,
  waived: false,
  ...rest,
})

describe('a change', () => {
  const waived = state('fail', { waived: true })
  const otherwise = state('fail', { signature: 's1:ffffffffffff' })
  test.each([
    [state('pass'), state('pass'), 'unchanged'],
    [state('pass'), state('fail'), 'regressed'],
    [state('fail'), state('fail'), 'unchanged'],
    [state('fail'), otherwise, 'regressed'],
    [state('error'), state('fail'), 'regressed'],
    [waived, state('fail'), 'regressed'],
    [state('fail'), waived, 'unchanged'],
    [state('pass'), waived, 'regressed'],
    [state('pass'), state('error'), 'malfunctioned'],
    [state('error'), state('error'), 'unchanged'],
    [state('pass'), state('blocked', { reason: 'build-trouble' }), 'malfunctioned'],
    [state('pass'), state('blocked', { reason: 'build-step' }), 'regressed'],
    [state('fail'), state('pass'), 'fixed'],
    [waived, state('pass'), 'fixed'],
    [state('blocked'), state('pass'), 'fixed'],
    [state('pass'), state('not-run'), 'lost'],
    [state('fail'), state('excluded'), 'lost'],
    [state('pass'), null, 'lost'],
    [null, state('pass'), 'new'],
    [state('not-run'), state('fail'), 'new'],
    [state('excluded'), state('excluded'), 'unchanged'],
    [null, null, null],
  ] as const)('from %j to %j: %s', (before, now, expected) => {
    expect(changeOf(before, now)).toBe(expected)
  })
})

const line = (run: number, cell: string, outcome: CellOutcome, rest: Partial<HistoryLine> = {}): HistoryLine => ({
  run: `run-${run}`,
  startedAt: `2026-01-0${run}T00:00:00.000Z`,
  cell,
  outcome,
  signature: null,
  fingerprint: 'f1:same',
  durationMs: 1,
  ...rest,
})

describe('a baseline', () => {
  const runs = pastRuns([
    line(1, 'a@b', 'pass'),
    line(1, 'c@b', 'pass'),
    line(2, 'a@b', 'fail', { part: true }),
    line(4, 'c@b', 'cancelled'),
    line(4, 'a@b', 'pass'),
    line(3, 'x@y', 'pass'),
  ])
  test('is the last run that selected everything and came to its end', () => {
    expect(baselineOf(runs, new Set(['a@b']))?.run).toBe('run-1')
  })
  test('is the last that answers at all, where none is whole', () => {
    const partial = runs.filter((run) => run.run !== 'run-1')
    expect(baselineOf(partial, new Set(['a@b']))?.run).toBe('run-4')
  })
  test('is none where no run answers for any of the cells', () => {
    expect(baselineOf(runs, new Set(['new@b']))).toBeNull()
  })
})

test('a flake rate counts answers that changed while nothing else did', () => {
  const answers = (['pass', 'fail', 'pass', 'pass'] as const).map((outcome, index) => line(index + 1, 'a@b', outcome))
  expect(flakeRate(answers)).toBe(0.5)
  const moved = answers.map((one, index) => ({ ...one, fingerprint: `f1:${index}` }))
  expect(flakeRate(moved)).toBe(0)
  expect(flakeRate(answers.slice(0, 1))).toBeNull()
})

describe('a gate of regressions', () => {
  const runOf = (before: CellOutcome | null, now: CellOutcome) => {
    const events = eventsOf(['api'], ['qa', 'vm'], { 'api@qa': now, 'api@vm': 'pass' }).map((event): RunEvent => {
      if (event.type !== 'run-started') return event
      const cells = before === null ? {} : { 'api@qa': state(before), 'api@vm': state('pass') }
      const baseline = before === null ? null : { run: 'before', startedAt: '2026-01-30T00:00:00.000Z', cells }
      return { ...event, gate: 'regressions', baseline }
    })
    return verdictOf(foldRun(events), 'ended').exitCode
  }
  test.each([
    ['pass', 'fail', 1],
    ['fail', 'fail', 0],
    ['fail', 'pass', 0],
    ['pass', 'error', 3],
    ['fail', 'not-run', 3],
    // With nothing to compare with, every failure counts.
    [null, 'fail', 1],
  ] as const)('%s, then %s: %i', (before, now, code) => {
    expect(runOf(before, now)).toBe(code)
  })
})

test('a cell that the project does not have any more is told as lost', () => {
  const events = eventsOf(['api'], ['qa'], { 'api@qa': 'pass' }).map((event): RunEvent => {
    if (event.type !== 'run-started') return event
    const cells = { 'api@qa': state('pass'), 'old@qa': state('pass'), 'never@qa': state('not-run') }
    return { ...event, baseline: { run: 'before', startedAt: '2026-01-30T00:00:00.000Z', cells } }
  })
  expect(foldRun(events).lost).toEqual(['old@qa'])
})
