import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runDiff } from '../../../src/commands/diff.ts'
import type { Io } from '../../../src/commands/io.ts'
import { ownIdentity } from '../../../src/lib/owner.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { runFolder } from '../../../src/record/run-folder.ts'
import { project } from '../../support/project.ts'
import { eventsOf, finished } from '../../support/runs.ts'

type Selection = 'whole' | 'part'
interface PastRun {
  readonly id: string
  readonly selection: Selection
  readonly columns: readonly string[]
  readonly cells: Readonly<Record<string, CellOutcome>>
  readonly isUnderWay?: boolean
}

async function diffOf(past: readonly PastRun[], asked: { readonly from?: string; readonly to?: string } = {}) {
  using made = project({})
  for (const { id, selection, columns, cells, isUnderWay } of past) {
    const folder = runFolder(join(made.root, 'reports'), id)
    mkdirSync(folder.path, { recursive: true })
    const [started, ...rest] = eventsOf(['api'], columns, cells)
    const events = isUnderWay
      ? [{ ...started, run: id, selection, owner: ownIdentity() }]
      : [{ ...started, run: id, selection }, ...rest, finished]
    writeFileSync(folder.journal, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  }
  let stdout = ''
  let stderr = ''
  const io = {
    stdout: (text: string) => {
      stdout += text
    },
    stderr: (text: string) => {
      stderr += text
    },
    cwd: made.root,
    color: false,
  } as Io
  const exitCode = await runDiff(asked, io)
  return { exitCode, stdout, stderr }
}

const whole: PastRun = {
  id: '2026-01-30-120000-aaaa',
  selection: 'whole',
  columns: ['qa', 'prod'],
  cells: { 'api@qa': 'pass', 'api@prod': 'pass' },
}
const one: PastRun = {
  id: '2026-01-31-120000-bbbb',
  selection: 'part',
  columns: ['qa'],
  cells: { 'api@qa': 'pass' },
}

test.each([
  ['after', [whole, one]],
  ['before', [one, { ...whole, id: '2026-02-01-120000-cccc' }]],
] as const)('what a run %s was not asked for is neither lost nor new', async (_, past) => {
  const { exitCode, stdout } = await diffOf(past)
  expect(exitCode).toBe(0)
  expect(stdout.split('\n').slice(2)).toEqual([
    'unchanged 1',
    'not compared 1, of which one of the runs was not asked',
    '',
  ])
})

test('of a cell that is new or gone no property is told', async () => {
  const { stdout } = await diffOf([
    { ...one, selection: 'whole' },
    { ...whole, id: '2026-02-01-120000-cccc' },
  ])
  expect(stdout.split('\n').slice(2)).toEqual(['new 1', '  api@prod: not there → pass', 'unchanged 1', ''])
})

test('of a cell that did not run this time nothing else is told', async () => {
  const { stdout } = await diffOf([whole, { ...whole, id: '2026-02-01-120000-cccc', cells: { 'api@qa': 'pass' } }])
  const [lost, ...rest] = stdout.split('\n').slice(2)
  expect([lost, rest[0], ...rest.slice(1, 2)]).toEqual([
    'lost 1',
    expect.stringMatching(/^ {2}api@prod: pass → not-run/),
    'unchanged 1',
  ])
})

test('a run that is under way is no last one', async () => {
  const later = { ...whole, id: '2026-02-01-120000-cccc' }
  const begun = { ...later, id: '2026-02-02-120000-dddd', isUnderWay: true }
  expect((await diffOf([whole, later, begun])).stdout).toMatch(`From ${whole.id} to ${later.id}`)
  expect((await diffOf([whole, later, begun], { to: begun.id })).stdout).toMatch(`From ${later.id} to ${begun.id}`)
})

test('a beginning that fits several runs, none, or nothing at all is told as what it is', async () => {
  expect(await diffOf([whole, one], { from: '2026-01', to: one.id })).toMatchObject({
    exitCode: 2,
    stderr: `matrix: 2 runs begin with "2026-01"; the last are ${whole.id}, ${one.id}\n`,
  })
  expect((await diffOf([whole, one], { to: 'never' })).stderr).toMatch(
    /^matrix: there is no run "never"; the last are /,
  )
  expect((await diffOf([whole])).stderr).toBe(`matrix: there are no two runs to compare; the last are ${whole.id}\n`)
  expect((await diffOf([])).stderr).toBe('matrix: there are no two runs to compare; run matrix check first\n')
})
