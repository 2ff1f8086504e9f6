/** What other programs read, read by such programs. */
import { makeBadge } from 'badge-maker'
import { validateStrict } from 'ctrf'
import { parse as parseJunit } from 'junit2json'
import { marked } from 'marked'
import parsePrometheus from 'parse-prometheus-text-format'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import { renderBadge } from '../../../src/reporters/badge.ts'
import { renderCtrf } from '../../../src/reporters/ctrf.ts'
import { fence, renderAnnotations } from '../../../src/reporters/github.ts'
import { renderJunit } from '../../../src/reporters/junit.ts'
import { renderMarkdown } from '../../../src/reporters/markdown.ts'
import { renderMetrics } from '../../../src/reporters/metrics.ts'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const hostile = '\u001b[2J\r\n::error::x\n<script>&]]>\u0000|`*_"\' ##[error]'
const cells = {
  'api@qa': 'fail',
  'api@vm': 'pass',
  'api@lan': 'error',
  'api@old': 'excluded',
  'db@qa': 'blocked',
  'db@vm': 'not-run',
  'db@lan': 'cancelled',
} as const
const run = foldRun([
  ...eventsOf(['api', 'db'], ['qa', 'vm', 'lan', 'old'], cells, [
    checkRecord(hostile, { outcome: 'fail' }),
    checkRecord('b'),
  ]).map((event): RunEvent => (event.type === 'cell-finished' ? { ...event, message: hostile } : event)),
  finished,
])

test('CTRF is what its own validator accepts, and counts every cell', () => {
  const report = JSON.parse(renderCtrf(run))
  expect(() => validateStrict(report)).not.toThrow()
  const { summary, tests } = report.results
  expect(tests).toHaveLength(8)
  expect(summary.passed + summary.failed + summary.skipped + summary.pending + summary.other).toBe(8)
  expect(summary).toMatchObject({ passed: 1, failed: 3, skipped: 1, pending: 3 })
  expect(tests[0].steps.map((step: { readonly status: string }) => step.status)).toEqual(['failed', 'passed'])
  expect(() => validateStrict({ ...report, results: { ...report.results, tests: [{ name: 'x' }] } })).toThrow()
})

test('JUnit is read by a parser of it: what failed, what was not observed, what is skipped', async () => {
  const checks = [checkRecord('a', { outcome: 'fail' }), checkRecord('c', { outcome: 'error', reason: 'unobservable' })]
  const mixed = foldRun([...eventsOf(['api', 'db'], ['qa', 'vm', 'lan', 'old'], cells, checks), finished])
  const read = await parseJunit(renderJunit(mixed))
  const suites = read !== undefined && read !== null && 'testsuite' in read ? (read.testsuite ?? []) : []
  expect(suites.map((suite) => suite.name)).toEqual(['qa', 'vm', 'lan', 'old'])
  const of = (name: string) => suites.find((suite) => suite.name === name)?.testcase ?? []
  const failure = of('qa').find((one) => one.failure !== undefined)?.failure?.[0]
  expect(failure?.type).toBe('matrix.check.http')
  expect(failure?.inner).toContain('declared at stacks/api/stack.yaml:3:3')
  expect(of('old').some((one) => one.skipped !== undefined)).toBe(true)
  expect(of('lan').some((one) => one.error?.[0]?.type?.startsWith('infra.'))).toBe(true)
  expect(of('vm').some((one) => one.error?.[0]?.type === 'matrix.not-run')).toBe(true)
})

test('JUnit skips all that a waiver covers, also checks that it kept from running', async () => {
  const events = eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }, [checkRecord('a', { outcome: 'not-run' })])
  const failed = foldRun([...events, finished])
  const waiver = { reason: 'known', owner: '@ops', expires: '2026-12-31' }
  const text = renderJunit({ ...failed, cells: failed.cells.map((cell) => ({ ...cell, stage: 'ready', waiver })) })
  expect(text).not.toMatch(/<(failure|error)/)
  expect(text.match(/<skipped type="matrix.waived" message="waived by @ops until 2026-12-31: known"/g)).toHaveLength(2)
})

test('JUnit takes a build that failed for a failure, and one that could not be carried out for an error', () => {
  const blocked = foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'blocked' }), finished])
  const because = (reason: 'build-step' | 'build-trouble') =>
    renderJunit({ ...blocked, cells: blocked.cells.map((cell) => ({ ...cell, reason })) })
  expect(because('build-step')).toContain('<failure type="matrix.build-step"')
  expect(because('build-trouble')).toContain('<error type="infra.build-trouble"')
})

test('Markdown is rendered with nothing in it that a container wrote as markup', async () => {
  const html = await marked.parse(renderMarkdown(run))
  expect(html).toContain('<details><summary>The matrix</summary>')
  expect(html).toContain('<table>')
  expect(html).not.toMatch(/<script|<img|<a |href=/)
})

test('metrics are read by a parser of the format', () => {
  const families = parsePrometheus(renderMetrics(run))
  const family = (name: string) => families.find((one) => one.name === name)?.metrics
  expect(family('matrix_cells')).toContainEqual({ labels: { outcome: 'fail' }, value: '1' })
  expect(family('matrix_cell_passed')).toHaveLength(8)
  expect(family('matrix_run_exit_code')).toEqual([{ value: '0' }])
})

test('the badge is one that can be drawn', () => {
  const { schemaVersion, label, message, color } = JSON.parse(renderBadge(run))
  expect([schemaVersion, message]).toEqual([1, '1 of 7 pass'])
  expect(makeBadge({ label, message, color })).toContain('1 of 7 pass')
})

describe('for GitHub', () => {
  test('an annotation is one line a cause, and nothing in it is a command', () => {
    const text = renderAnnotations(run)
    const lines = text.trimEnd().split('\n')
    expect(lines.every((line) => /^::(error|warning) title=[^:,]+::[^\n\r]*$/.test(line))).toBe(true)
    expect(lines).toHaveLength(3)
    expect(text).not.toMatch(/^::error::x/m)
  })
  test('what is known is no news', () => {
    const known = { ...run, cells: run.cells.map((cell) => ({ ...cell, change: 'unchanged' as const })) }
    expect(renderAnnotations(known)).toBe('')
  })
  test('a fence opens with the word that closes it', () => {
    expect(fence('abc')).toEqual({ begin: '::stop-commands::abc\n', end: '::abc::\n' })
  })
  test('a summary stays below what GitHub takes, and says that it was cut', () => {
    const many = { ...run, cells: Array.from({ length: 4000 }, () => run.cells).flat() }
    const text = renderMarkdown(many)
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024)
    expect(text).toMatch(/^\d+ more are too long for a summary; the report has them\.$/m)
    // However much is new, the matrix is there, and what is open is closed.
    expect(text).toContain('<details><summary>The matrix</summary>')
    expect(text).toContain(`Run ${run.id}`)
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length)
    expect(renderMarkdown(run)).not.toContain('too long')
    expect(renderMarkdown(run)).toContain('<details><summary>The matrix</summary>')
  })
})
