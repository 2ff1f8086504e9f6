/** A run that lives keeps what it is going to need; a dead one keeps nothing. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { enterRun, rootsOfLiveRuns } from '../../../src/hosts/live-runs.ts'
import { ownIdentity } from '../../../src/lib/owner.ts'
import { startTimeOf } from '../../../src/lib/process-table.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'matrix-runs-')))
afterAll(() => rmSync(folder, { recursive: true }))
const env = { MATRIX_ENGINE_DIR: folder }
const runs = join(folder, 'runs')
mkdirSync(runs)

test('a run is none of its own to wait for, and leaves nothing', () => {
  {
    using _lives = enterRun(env, folder)
    expect(readdirSync(runs)).toHaveLength(1)
    expect(rootsOfLiveRuns(env)).toEqual(new Set())
    expect(readdirSync(runs)).toHaveLength(1)
  }
  expect(readdirSync(runs)).toEqual([])
})

test('the run of another process lives as long as that; what dead ones left, or nobody can read, goes', () => {
  const [machine] = ownIdentity().split('/')
  const other = (pid: number, start: string, root: string) =>
    writeFileSync(join(runs, `${pid}-${start}.json`), JSON.stringify({ owner: `${machine}/${pid}/${start}`, root }))
  other(process.ppid, startTimeOf(process.ppid) ?? '', '/srv/alive')
  other(process.ppid, '1', '/srv/dead')
  writeFileSync(join(runs, 'half.json'), '{')
  expect(rootsOfLiveRuns(env)).toEqual(new Set(['/srv/alive']))
  expect(readdirSync(runs).map((name) => readFileSync(join(runs, name), 'utf8'))).toEqual([
    expect.stringContaining('/srv/alive'),
  ])
})

test('where nothing can be kept a run goes on', () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  using _lives = enterRun({ MATRIX_ENGINE_DIR: file }, folder)
  expect(rootsOfLiveRuns({ MATRIX_ENGINE_DIR: file })).toEqual(new Set())
})
