import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { verdictOf } from '../../../src/model/verdict.ts'
import { runSchema } from '../../../src/record/run-schema.ts'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const outcomes = (run: ReturnType<typeof foldRun>) => run.cells.map((cell) => [cell.id, cell.outcome])

describe('a run that ended', () => {
  const run = foldRun([
    ...eventsOf(['api'], ['qa', 'vm'], { 'api@qa': 'pass', 'api@vm': 'fail' }, [checkRecord('a')]),
    finished,
  ])
  test('has every cell, its checks, its image and the groups of what failed alike', () => {
    expect(outcomes(run)).toEqual([
      ['api@qa', 'pass'],
      ['api@vm', 'fail'],
    ])
    expect(run.complete).toBe(true)
    expect(run.stacks[0]?.image?.id).toBe(run.cells[0]?.image?.id)
    expect(run.cells[1]?.checks.map((check) => check.name)).toEqual(['a'])
    expect(run.groups).toEqual([{ signature: 's1:0123456789ab', cause: null, cells: ['api@vm'] }])
  })
  test('is one that its schema accepts', () => {
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
  })
})

describe('a run that was killed', () => {
  const run = foldRun(
    eventsOf(['api'], ['qa', 'vm', 'lan', 'old'], { 'api@qa': 'pass', 'api@vm': null, 'api@old': 'excluded' }),
  )
  test('has no exit code: cells in flight are errors, and the others did not run', () => {
    expect(run).toMatchObject({ complete: false, exitCode: null, outcome: 'unknown' })
    expect(outcomes(run)).toEqual([
      ['api@qa', 'pass'],
      ['api@vm', 'error'],
      ['api@lan', 'not-run'],
      ['api@old', 'excluded'],
    ])
    expect(run.cells[1]).toMatchObject({ reason: 'interrupted' })
  })
  test('is one that its schema accepts', () => {
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
  })
})

test('a journal that does not begin with a run is refused', () => {
  expect(() => foldRun([finished])).toThrow('does not begin')
})

describe('the verdict', () => {
  const verdict = (cells: readonly (CellOutcome | null)[], how: Parameters<typeof verdictOf>[1] = 'ended') => {
    const names = cells.map((_, index) => `e${index}`)
    const map = Object.fromEntries(cells.map((outcome, index) => [`api@e${index}`, outcome]))
    return verdictOf(foldRun(eventsOf(['api'], names, map)), how).exitCode
  }
  test.each([
    [['pass', 'pass'], 0],
    [['pass', 'excluded'], 0],
    [['pass', 'fail'], 1],
    [['error', 'fail'], 1],
    [['pass', 'error'], 3],
    [['pass', 'blocked'], 3],
    [['pass', 'not-run'], 3],
    [['pass', 'cancelled'], 3],
    [['excluded'], 3],
    [[], 3],
  ] as const)('of %j is %i', (cells, code) => {
    expect(verdict([...cells])).toBe(code)
  })
  test('puts an interruption before a defect, and a defect before a failure', () => {
    expect(verdict(['fail'], 'interrupted')).toBe(130)
    expect(verdict(['fail'], 'internal')).toBe(70)
  })
  test('takes a build that failed for a failure, and one that could not be carried out for trouble', () => {
    const run = foldRun(eventsOf(['api'], ['qa'], { 'api@qa': 'blocked' }))
    const build = { stack: 'api', step: null, message: null, durationMs: 0, cached: false, evidence: [] }
    expect(verdictOf({ ...run, builds: [{ ...build, outcome: 'fail' }] }, 'ended').exitCode).toBe(1)
    expect(verdictOf({ ...run, builds: [{ ...build, outcome: 'error' }] }, 'ended').exitCode).toBe(3)
  })
})

describe('an explained cell', () => {
  const explained = (cell: string, constraints: readonly string[]): RunEvent => ({
    atMs: 8000,
    type: 'cell-explained',
    cell,
    diagnosis: constraints.length > 0 ? 'constraints' : 'stack',
    causes:
      constraints.length > 0
        ? [
            {
              constraints,
              threshold: null,
              confidence: 'sure',
              probes: [],
              remedy: null,
              reproduction: null,
              notReproduced: '',
            },
          ]
        : [],
    explanation: { summary: 'because', confidence: 'sure', probes: [], durationMs: 1, complete: true },
  })
  const events = eventsOf(['api', 'web'], ['qa', 'prod'], {
    'api@qa': 'fail',
    'api@prod': 'fail',
    'web@qa': 'fail',
    'web@prod': 'pass',
  })

  const imposed = (cell: string, keys: readonly string[]): RunEvent => ({
    atMs: 7000,
    type: 'cell-constraints',
    cell,
    constraints: keys.map((key) => ({ key, value: true, provenance: 'enforced', observed: true, agrees: true })),
  })

  test('carries its cause, and cells of its signature that nobody looked into go with it', () => {
    const prod = imposed('web@prod', ['read_only', 'user'])
    const run = foldRun([...events, prod, explained('api@qa', ['user', 'read_only']), finished])
    expect(run.cells[0]).toMatchObject({ diagnosis: 'constraints', explanation: { summary: 'because' } })
    expect(run.groups).toEqual([
      { signature: 's1:0123456789ab', cause: ['read_only', 'user'], cells: ['api@qa', 'api@prod', 'web@qa'] },
    ])
  })

  test('of another cause or of none is a group of its own', () => {
    const prod = imposed('api@prod', ['read_only'])
    const run = foldRun([...events, prod, explained('api@qa', ['read_only']), explained('web@qa', []), finished])
    expect(run.groups.map(({ cause, cells }) => [cause, cells])).toEqual([
      [['read_only'], ['api@qa', 'api@prod']],
      [null, ['web@qa']],
    ])
  })

  test('gives its cause to no cell of an environment that does not impose it', () => {
    const prod = imposed('api@prod', ['user'])
    const run = foldRun([...events, prod, explained('api@qa', ['read_only']), finished])
    expect(run.groups.map(({ cause, cells }) => [cause, cells])).toEqual([
      [['read_only'], ['api@qa', 'web@qa']],
      [null, ['api@prod']],
    ])
  })
})
