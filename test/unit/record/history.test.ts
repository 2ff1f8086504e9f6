import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { foldRun } from '../../../src/model/fold-run.ts'
import { flakeRate, type HistoryLine, knownPasses, lastDurations, pastRuns } from '../../../src/model/history.ts'
import { stalenessOf } from '../../../src/model/staleness.ts'
import { addToHistory, readHistory } from '../../../src/record/history.ts'
import { expendableRuns } from '../../../src/record/retention.ts'
import { eventsOf, finished } from '../../support/runs.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'matrix-history-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const file = () => join(folder, 'history.jsonl')
const run = (n: number) => ({
  ...foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'pass' }), finished]),
  id: `run-${n}`,
  startedAt: `2026-01-${String(n).padStart(2, '0')}T00:00:00.000Z`,
})

test('a line that a kill tore is left out, and spoils none that follow', async () => {
  await addToHistory(folder, run(1), { keptRuns: 9 })
  appendFileSync(file(), '{"run":"run-2","startedAt":"2026-')
  await addToHistory(folder, run(3), { keptRuns: 9 })
  expect(readHistory(folder).map((line) => line.run)).toEqual(['run-1', 'run-3'])
})

test('processes that end runs at once lose no line, also while old ones are pruned', async () => {
  const program = join(folder, 'append.cjs')
  await build({
    entryPoints: [fileURLToPath(new URL('../../support/append-history.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
  })
  // 24 runs: fewer than are kept, after 20 old ones of which most go.
  for (let n = 1; n <= 20; n++) await addToHistory(folder, run(n), { keptRuns: 400 })
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => execa(process.execPath, [program, folder, name, '6'])))
  const runs = pastRuns(readHistory(folder)).filter((past) => !past.run.startsWith('run-'))
  expect(runs).toHaveLength(24)
  expect(runs.every((past) => past.cells.size === 40)).toBe(true)
  expect(readFileSync(file(), 'utf8').split('\n').filter(Boolean)).toHaveLength(readHistory(folder).length)
  expect(existsSync(`${file()}.lock`)).toBe(false)
})

test('old runs go, and the lock of a process that died is taken over', async () => {
  const { stdout } = await execa(process.execPath, ['-e', 'process.stdout.write(String(process.pid))'])
  const { ownIdentity } = await import('../../../src/lib/owner.ts')
  const [machine = ''] = ownIdentity().split('/')
  writeFileSync(`${file()}.lock`, `${machine}/${stdout}/1`)
  for (let n = 1; n <= 12; n++) await addToHistory(folder, run(n), { keptRuns: 5 })
  const kept = readHistory(folder).map((line) => line.run)
  expect(kept.length).toBeLessThanOrEqual(6)
  expect(kept.at(-1)).toBe('run-12')
})

describe('a pass that need not be observed again', () => {
  const fingerprint = `f1:${'0'.repeat(64)}`
  const day = (n: number) => Date.parse(run(n).startedAt)
  const line = (n: number, rest: Partial<HistoryLine> = {}): HistoryLine => ({
    run: `run-${n}`,
    startedAt: run(n).startedAt,
    cell: 'a@b',
    outcome: 'pass',
    signature: null,
    fingerprint,
    durationMs: 1,
    ...rest,
  })
  const known = (lines: readonly HistoryLine[], nowMs: number, maxAgeMs: number | null = null) =>
    knownPasses(pastRuns(lines), { nowMs, maxAgeMs })('a@b', fingerprint)

  test('is the last answer, depends on the same, and is young', () => {
    expect(known([line(1)], day(2))).toEqual({ run: 'run-1', cell: 'a@b', startedAt: run(1).startedAt })
    expect(known([line(1), line(2, { outcome: 'not-run' })], day(2))?.run).toBe('run-1')
    expect(known([line(1)], day(3))).toBeNull()
    expect(known([line(1)], day(3), 3 * 24 * 3_600_000)?.run).toBe('run-1')
    expect(known([line(1)], day(2), 3_600_000)).toBeNull()
    expect(known([], day(2))).toBeNull()
  })
  test.each([
    ['it failed since', [line(1), line(2, { outcome: 'fail' })]],
    ['it could not be observed since', [line(1), line(2, { outcome: 'error' })]],
    ['it was a flake', [line(2, { flaky: true })]],
    ['something that it depends on changed', [line(2, { fingerprint: `f1:${'1'.repeat(64)}` })]],
    ['its fingerprint is not known', [line(2, { fingerprint: null })]],
    ['it is of the future', [line(4)]],
  ])('is none where %s', (_, lines) => {
    expect(known(lines, day(3), 9 * 24 * 3_600_000)).toBeNull()
  })
  test('does not grow young by being taken over, and keeps the run that observed it', () => {
    const observedIn = { run: 'run-1', cell: 'a@b', startedAt: run(1).startedAt }
    const lines = [line(1), line(2, { observedIn, durationMs: 0 })]
    expect(known(lines, day(2))?.run).toBe('run-1')
    expect(known(lines, day(3))).toBeNull()
    const today = { nowMs: day(3), maxAgeMs: 36 * 3_600_000, declared: new Map(), runs: [] }
    expect(stalenessOf(today)(line(2, { observedIn }))).toBe('it is 48 h old')
    expect(expendableRuns(['run-1', 'run-2', 'run-3'], lines, { keptRuns: 1 })).toEqual(['run-2'])
    expect(lastDurations(lines).get('a@b')).toBe(1)
    expect(flakeRate([line(1), line(2, { observedIn })])).toBeNull()
  })
})
