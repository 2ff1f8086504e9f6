import { describe, expect, test } from 'vitest'
import { foldRun } from '../../../src/model/fold-run.ts'
import { type HistoryLine, pastRuns } from '../../../src/model/history.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { asObserved, asOf, stalenessOf, type Today } from '../../../src/model/staleness.ts'
import { renderCtrf } from '../../../src/reporters/ctrf.ts'
import { renderHtml } from '../../../src/reporters/html/html.tsx'
import { renderJunit } from '../../../src/reporters/junit.ts'
import { verdictSentence } from '../../../src/reporters/sentence.ts'
import { renderFinal } from '../../../src/reporters/terminal-final.ts'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const hourMs = 3_600_000
const startedAt = '2026-01-31T12:00:00.000Z'
const line = (rest: Partial<HistoryLine> = {}): HistoryLine => ({
  run: 'r1',
  startedAt,
  cell: 'api@qa',
  outcome: 'pass',
  signature: null,
  fingerprint: 'f1:a',
  declared: 'd1:a',
  durationMs: 1,
  ...rest,
})
const later = line({ run: 'r2', startedAt: '2026-02-01T12:00:00.000Z' })
const today = (rest: Partial<Today> & { readonly hours?: number } = {}): Today => ({
  nowMs: Date.parse(startedAt) + (rest.hours ?? 2) * hourMs,
  maxAgeMs: null,
  declared: new Map(),
  runs: [],
  ...rest,
})

describe('an answer', () => {
  test.each([
    ['is as old as it may be', today({ hours: 3, maxAgeMs: 3 * hourMs })],
    ['is old, and nothing says how old it may be', today({ hours: 9999 })],
    ['is to what is declared today', today({ declared: new Map([['api@qa', 'd1:a']]) })],
    ['was given again later', today({ runs: pastRuns([line(), later]) })],
    [
      'was of another fingerprint before',
      today({
        runs: pastRuns([
          { ...line({ fingerprint: 'f1:b' }), run: 'r0', startedAt: '2026-01-01T00:00:00.000Z' },
          line(),
        ]),
      }),
    ],
    [
      'was followed by one to another declaration, which was taken back',
      today({
        declared: new Map([['api@qa', 'd1:a']]),
        runs: pastRuns([line(), { ...later, declared: 'd1:b', fingerprint: 'f1:b' }]),
      }),
    ],
    ['was followed by one that met no engine', today({ runs: pastRuns([line(), { ...later, fingerprint: null }]) })],
  ])('counts where it %s', (_, now) => {
    expect(stalenessOf(now)(line())).toBeNull()
  })
  test.each([
    ['is too old', today({ hours: 4, maxAgeMs: 3 * hourMs }), 'it is 4 h old'],
    ['is far too old', today({ hours: 240, maxAgeMs: 3 * hourMs }), 'it is 10 days old'],
    ['was to something else', today({ declared: new Map([['api@qa', 'd1:b']]) }), /declares for it has changed/],
    [
      'has another fingerprint by now',
      today({ runs: pastRuns([line(), { ...later, fingerprint: 'f1:b' }]) }),
      /later run found/,
    ],
  ])('does not count where it %s', (_, now, why) => {
    expect(stalenessOf(now)(line())).toMatch(why)
  })
})

describe('a run of which an answer does not count any more', () => {
  const runOf = (cells: Readonly<Record<string, CellOutcome>>) =>
    foldRun([
      ...eventsOf(['api', 'db'], ['qa', 'vm'], cells, [checkRecord('it answers', { outcome: 'fail' })]),
      finished,
    ])
  const outcomes = { 'api@qa': 'fail', 'api@vm': 'pass', 'db@qa': 'pass', 'db@vm': 'excluded' } as const
  const run = runOf(outcomes)
  const staleIn = (cells: readonly string[]) =>
    asOf(run, ({ cell }) => (cells.includes(cell) ? 'it is 40 h old' : null))
  const shown = staleIn(['api@qa', 'db@qa', 'db@vm'])

  test('has ? for it, and nothing else of it is other than it was', () => {
    expect(shown.cells.map(({ outcome }) => outcome)).toEqual(['not-run', 'pass', 'not-run', 'excluded'])
    expect(shown.cells.map(asObserved)).toEqual(run.cells)
    expect(shown.groups).toEqual([])
    expect(staleIn([])).toBe(run)
  })

  test('is not called green or red for what does not count', () => {
    expect([shown.outcome, shown.exitCode]).toEqual(['trouble', run.exitCode])
    expect(staleIn(['api@vm', 'db@qa']).outcome).toBe('fail')
    expect(verdictSentence(shown)).toBe(
      'An earlier run, of which not everything counts today: 2 not known any more (then 1 fail, 1 pass), 1 passed, 1 excluded, in 9.0 s.',
    )
  })

  test('is told so by every rendering', () => {
    const text = renderFinal(shown, {
      columns: 200,
      color: false,
      reportPath: 'x',
      timing: false,
      evidence: () => null,
    })
    expect(text).toMatch(/api +│ \? +│ ✔ pass/)
    expect(text).toContain('what it answered does not count any more: it is 40 h old')
    expect(text).not.toContain('it answers')
    expect(renderJunit(shown)).toMatch(/<testsuite name="qa"[^>]* tests="2" failures="0" errors="2"/)
    const ctrf = JSON.parse(renderCtrf(shown)) as { readonly results: { readonly summary: unknown } }
    expect(ctrf.results.summary).toMatchObject({ passed: 1, failed: 0, pending: 2, skipped: 1 })
    const html = renderHtml(shown, {
      runs: [],
      since: new Map(),
      requirements: new Map(),
      evidence: () => null,
      assets: { style: '', script: '' },
    })
    expect(html).toContain('aria-label="api on qa: stale, then fail"')
    expect(html).toContain('it answers')
  })
})
