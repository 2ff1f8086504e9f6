/** What the program remembers between runs: history, diff, waive. No engine is needed for it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunRecord } from '../../src/model/run-record.ts'
import { matrix } from '../support/matrix.ts'
import { writeNights } from '../support/nights.ts'
import { project, type TestProject } from '../support/project.ts'

let made: TestProject
let last: RunRecord
const stack = (id: string) => ({
  [`stacks/${id}/stack.yaml`]: 'image: x\nchecks: [{ name: c, exec: { command: [x] } }]\n',
})

beforeAll(async () => {
  made = project({
    'matrix.yaml': 'history: { max_age: 1h }\n',
    ...stack('stack-00'),
    ...stack('stack-01'),
    'environments/place-00.yaml': '{}\n',
    'environments/place-01.yaml': '{}\n',
  })
  last = await writeNights(join(made.root, 'reports'), {
    rows: 2,
    columns: 2,
    nights: 3,
    outcome: ({ row, column }, night) => {
      if (row === 0 && column === 1) return night === 2 ? 'fail' : 'pass'
      if (row === 1 && column === 0) return night === 2 ? 'pass' : 'fail'
      return row === 1 && column === 1 ? 'error' : 'pass'
    },
    keepAll: true,
    waivers: [
      {
        match: { stack: 'stack-01', environment: 'place-00', signature: 's1:000000000001' },
        ...{ reason: 'known', owner: '@ops', issue: null, at: 'waivers.yaml:2:3' },
        ...{ created: '2026-09-30', expires: '2026-10-20' },
      },
    ],
  })
})
afterAll(() => made[Symbol.dispose]())
const run = (...args: readonly string[]) => matrix(args, { cwd: made.root })

describe('matrix history', () => {
  test('shows each cell over its runs, and ? where the answer is too old', async () => {
    const { exitCode, stdout } = await run('history')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/stack-00@place-01 │ \? +│ PPF/)
    expect(stdout).toMatch(/stack-01@place-00 │ \? +│ WWP/)
    expect(stdout).toMatch(/\? it is \d+ days old/)
  })
  test('as JSON tells what a machine needs, and only the cells that were asked for', async () => {
    const { stdout } = await run('history', 'stack-00@place-01', '--runs', '2', '--json')
    const { cells } = JSON.parse(stdout)
    expect(cells).toHaveLength(1)
    expect(cells[0]).toMatchObject({ cell: 'stack-00@place-01', now: '?', lastPass: '2026-10-02T02:00:00.000Z' })
    expect(cells[0].strip).toHaveLength(2)
  })
})

describe('matrix diff', () => {
  test('tells what became of each cell, and what else changed', async () => {
    const { exitCode, stdout } = await run('diff')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/regressed 1\n {2}stack-00@place-01: pass → fail/)
    expect(stdout).toMatch(/fixed 1\n {2}stack-01@place-00: fail → pass/)
    expect(stdout).toContain('unchanged 2')
    expect(stdout).toMatch(/commit: (01){6} → (02){6}/)
  })
  test('takes the beginning of an id, and refuses what is no run', async () => {
    const { stdout } = await run('diff', '2026-10-01', '2026-10-03', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ to: last.id, summary: { regressed: 1, fixed: 1, unchanged: 2 } })
    const { exitCode, stderr } = await run('diff', 'never')
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('there is no run "never"')])
  })
})

describe('matrix waive', () => {
  const waive = (cell: string, ...more: readonly string[]) =>
    run('waive', cell, '--reason', 'known', '--owner', '@ops', ...more)
  test('writes what covers the failure of the last run', async () => {
    const { exitCode, stdout } = await waive('stack-00@place-01', '--days', '14')
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('is waived until')])
    expect(readFileSync(join(made.root, 'waivers.yaml'), 'utf8')).toContain('signature: s1:000000000000')
    expect((await run('validate')).exitCode).toBe(0)
  })
  test.each([
    ['what passes', 'stack-00@place-00', [], 'only what fails can be waived'],
    ['what could not be observed', 'stack-01@place-01', [], 'is error'],
    ['a cell that never ran', 'nothing@here', [], 'no run has a cell'],
    ['for more than 90 days', 'stack-00@place-01', ['--days', '91'], 'a waiver ends 90 days after'],
    ['without an owner', 'stack-00@place-01', ['--owner', ''], 'owner'],
  ])('refuses %s', async (_, cell, more, problem) => {
    const before = existsSync(join(made.root, 'waivers.yaml'))
      ? readFileSync(join(made.root, 'waivers.yaml'), 'utf8')
      : ''
    const { exitCode, stderr } = await waive(cell, ...more)
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(problem)])
    expect(readFileSync(join(made.root, 'waivers.yaml'), 'utf8')).toBe(before)
  })
})
