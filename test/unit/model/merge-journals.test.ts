import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import { type HistoryLine, pastRuns } from '../../../src/model/history.ts'
import { type Merge, mergeJournals } from '../../../src/model/merge-journals.ts'
import { runSchema } from '../../../src/record/run-schema.ts'
import { type MadePart, partOf } from '../../support/runs.ts'

const first: MadePart = {
  index: 1,
  rows: ['api', 'site'],
  cells: { 'api@qa': 'pass', 'api@vm': 'pass', 'site@qa': 'pass', 'site@vm': 'pass' },
}
const second: MadePart = {
  index: 2,
  rows: ['db'],
  cells: { 'db@qa': 'pass', 'db@vm': 'pass' },
  startedAt: '2026-01-31T12:01:00.000Z',
}

const merge = (...parts: readonly (MadePart | readonly RunEvent[])[]): Merge =>
  mergeJournals(
    parts.map((part, at) => ({ name: `part ${at + 1}`, events: 'index' in part ? partOf(part) : part })),
    [],
  )
function whole(merged: Merge) {
  if (!merged.ok) throw new Error(merged.problems.join('\n'))
  const run = foldRun([{ atMs: 0, ...merged.start }, ...merged.events])
  const { exitCode, missing } = merged
  return { run, exitCode, missing, outcomes: Object.fromEntries(run.cells.map(({ id, outcome }) => [id, outcome])) }
}
function problemsOf(merged: Merge): readonly string[] {
  if (merged.ok) throw new Error('it was merged')
  return merged.problems
}

describe('the parts of one run', () => {
  const { run, exitCode, missing } = whole(merge(second, first))

  test('are one: every cell in the order of the plan, from the first start to the last end', () => {
    expect(run.cells.map(({ id }) => id)).toEqual(['api@qa', 'api@vm', 'db@qa', 'db@vm', 'site@qa', 'site@vm'])
    expect(run.cells.every(({ outcome }) => outcome === 'pass')).toBe(true)
    expect(run).toMatchObject({ complete: true, outcome: 'pass', exitCode: 0, selection: 'whole', durationMs: 69_000 })
    expect(run.startedAt).toBe('2026-01-31T12:00:00.000Z')
    expect(run.timing).toMatchObject({ makespanMs: 69_000, buildMs: 2000, lowerBoundMs: null })
    expect(run.stacks.every(({ image }) => image !== null)).toBe(true)
    expect({ exitCode, missing }).toEqual({ exitCode: 0, missing: [] })
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
  })

  test('have one clock', () => {
    const phase = { name: 'start', startMs: 300, durationMs: 10 }
    const parts = [first, second].map((made): readonly RunEvent[] => {
      const events = partOf(made)
      const cell = made === first ? 'api@qa' : 'db@qa'
      return [...events.slice(0, -1), { atMs: 900, type: 'cell-phase', cell, phase }, ...events.slice(-1)]
    })
    const { run: timed } = whole(merge(...parts))
    const starts = timed.cells.flatMap(({ id, phases }) => phases.map(({ startMs }) => [id, startMs]))
    expect(starts).toEqual([
      ['api@qa', 300],
      ['db@qa', 60_300],
    ])
  })

  test('fail together where one fails', () => {
    const failed = whole(merge(first, { ...second, cells: { 'db@qa': 'pass', 'db@vm': 'fail' } }))
    expect(failed).toMatchObject({ exitCode: 1, run: { outcome: 'fail', exitCode: 1 } })
  })

  test('are stopped where one was stopped', () => {
    const [last] = partOf(second).slice(-1)
    if (last?.type !== 'run-finished') throw new Error('a part ends with its end')
    const stopped = [...partOf(second).slice(0, -1), { ...last, outcome: 'cancelled' as const, exitCode: 130 }]
    expect(whole(merge(first, stopped))).toMatchObject({ exitCode: 130, run: { outcome: 'cancelled' } })
  })

  test('are compared with what is known where they are merged', () => {
    const line = (cell: string): HistoryLine => ({
      ...{ run: '2026-01-30-120000-0000', startedAt: '2026-01-30T12:00:00.000Z', cell, outcome: 'fail' },
      ...{ signature: 's1:0123456789ab', fingerprint: null, durationMs: 1 },
    })
    const merged = mergeJournals(
      [first, second].map((made) => ({ name: '', events: partOf(made) })),
      pastRuns([line('db@vm'), line('gone@vm')]),
    )
    const compared = whole(merged).run
    expect(compared.baseline?.run).toBe('2026-01-30-120000-0000')
    expect(compared.cells.find(({ id }) => id === 'db@vm')?.change).toBe('fixed')
    expect(compared.lost).toEqual(['gone@vm'])
  })

  test.each([first, second])('tell once what both made, and a build that failed before one that did not', (broken) => {
    const base = { reference: 'debian', how: 'pulled', id: 'sha256:1', message: '' } as const
    const build = { stack: 'db', step: null, message: null, durationMs: 1, cached: false, evidence: [] } as const
    const both = [first, second].map((made): readonly RunEvent[] => {
      const [start, ...rest] = partOf(made)
      const outcome = made === broken ? 'fail' : 'pass'
      if (start === undefined) throw new Error('a run begins with its start')
      return [
        start,
        { atMs: 1, type: 'base-ready', base },
        { atMs: 1, type: 'build-started', stack: 'db' },
        { atMs: 2, type: 'build-finished', build: { ...build, outcome } },
        ...rest,
      ]
    })
    const told = whole(merge(...both)).run
    expect(told.bases).toEqual([base])
    expect(told.builds).toMatchObject([{ stack: 'db', outcome: 'fail', startMs: broken === first ? 1 : 60_001 }])
  })

  test("have of each row the image that its own cells ran, and not the one of another part's need", () => {
    const image = { id: `sha256:${'b'.repeat(64)}`, digest: null, platform: 'linux/amd64', sizeBytes: 1 }
    const events = partOf({ ...first, startedAt: '2026-01-31T12:02:00.000Z' })
    const needing: readonly RunEvent[] = [
      ...events.slice(0, -1),
      { atMs: 900, type: 'image-ready', row: 'db', image },
      ...events.slice(-1),
    ]
    const { stacks, cells } = whole(merge(needing, second)).run
    const ran = cells.find(({ id }) => id === 'db@qa')?.image?.id
    expect(stacks.find(({ id }) => id === 'db')?.image?.id).toBe(ran)
  })
})

describe('a part that was killed', () => {
  const killed = { ...second, cells: { 'db@qa': null }, killed: true }

  test('makes the whole incomplete: what was in flight is an error, what did not start did not run', () => {
    const { run, exitCode, outcomes } = whole(merge(killed, { ...first, startedAt: '2026-01-31T12:30:00.000Z' }))
    expect(run).toMatchObject({ complete: false, exitCode: null, outcome: 'unknown' })
    expect(outcomes).toMatchObject({ 'api@qa': 'pass', 'db@qa': 'error', 'db@vm': 'not-run' })
    const flight = run.cells.find(({ id }) => id === 'db@qa')
    // Not as long as the other part went on.
    expect(flight).toMatchObject({ reason: 'interrupted', durationMs: 0 })
    expect(exitCode).toBe(3)
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
  })

  test('is not green even where every cell had answered', () => {
    const { run, exitCode } = whole(merge(first, { ...second, killed: true }))
    expect(run.cells.every(({ outcome }) => outcome === 'pass')).toBe(true)
    expect({ complete: run.complete, exitCode }).toEqual({ complete: false, exitCode: 3 })
  })

  test('hides no failure', () => {
    expect(whole(merge({ ...first, cells: { 'api@qa': 'fail' } }, killed)).exitCode).toBe(1)
  })
})

describe('a part that is missing', () => {
  test('is named, and its cells did not run', () => {
    const { run, exitCode, missing, outcomes } = whole(merge(first))
    expect(missing).toEqual(['2/2'])
    expect(outcomes).toMatchObject({ 'api@qa': 'pass', 'db@qa': 'not-run', 'db@vm': 'not-run' })
    expect(run.cells.find(({ id }) => id === 'db@qa')?.message).toBe('it is in no part that was given; missing: 2/2')
    expect(run).toMatchObject({ outcome: 'trouble', exitCode: 3 })
    expect(exitCode).toBe(3)
  })

  test('is none where it has no cell', () => {
    expect(whole(merge({ ...first, count: 5 }, { ...second, count: 5 }))).toMatchObject({ exitCode: 0, missing: [] })
  })
})

describe('what is no part of the same run', () => {
  test('no parts at all', () => {
    expect(problemsOf(merge())).toEqual(['there are no parts'])
  })
  test('a run that was not sharded', () => {
    const { shard: _, ...start } = partOf(first)[0] as Extract<RunEvent, { type: 'run-started' }>
    expect(problemsOf(merge(second, [start]))).toEqual([
      'part 2 is no part of a run; parts are made by matrix check --shard 1/2',
    ])
  })
  test('a journal without a beginning', () => {
    expect(problemsOf(merge(first, []))).toEqual(['part 2: the journal does not begin with the start of a run'])
  })
  test('the same cells twice', () => {
    expect(problemsOf(merge(first, second, second))).toEqual(['part 2 and part 3 both ran db@vm; give each part once'])
  })
  test('another version, commit, gate, or number of parts', () => {
    const source = (commit: string) => ({ commit, branch: null, dirty: false })
    const other: MadePart = {
      ...second,
      count: 3,
      start: { tool: { name: 'matrix', version: '9.0.0' }, gate: 'regressions', source: source('b') },
    }
    expect(problemsOf(merge({ ...first, start: { source: source('a') } }, other))).toEqual([
      'part 1 and part 2 differ in the version of Matrix: matrix 0.1.0, matrix 9.0.0',
      'part 1 and part 2 differ in the commit: a, b',
      'part 1 and part 2 differ in --gate: unwaived, regressions',
      'part 1 and part 2 differ in the number of parts: 2, 3',
    ])
  })
  test('another plan', () => {
    const start = partOf(second)[0] as Extract<RunEvent, { type: 'run-started' }>
    if (start.shard === undefined) throw new Error('it is a part')
    const { all } = start.shard
    const cells = all.cells.map((cell) => (cell.id === 'site@vm' ? { ...cell, declared: 'd1:other' } : cell))
    const other = [{ ...start, shard: { ...start.shard, all: { ...all, cells } } }, ...partOf(second).slice(1)]
    expect(problemsOf(merge(first, other))).toEqual([
      'part 1 and part 2 are parts of different projects or selections, such as site@vm',
    ])
  })
  test('cells that its plan does not have', () => {
    expect(problemsOf(merge({ ...second, rows: ['queue'], cells: {} }))).toEqual([
      'part 1 ran queue@qa, which is in the plan of no part',
    ])
  })
})
