/** `matrix report --merge` over journals of parts, which needs no engine, and over parts that ran. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { foldRun } from '../../src/model/fold-run.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { appendHistory, readHistory } from '../../src/record/history.ts'
import { runSchema } from '../../src/record/run-schema.ts'
import { check, matrix } from '../support/matrix.ts'
import { environment, project, serverStack } from '../support/project.ts'
import { type MadePart, partOf } from '../support/runs.ts'

const log = 'what it said'
const hash = createHash('sha256').update(log).digest('hex')
const first: MadePart = {
  index: 1,
  rows: ['api', 'site'],
  cells: { 'api@qa': 'pass', 'api@vm': 'fail', 'site@qa': 'pass', 'site@vm': 'pass' },
}
const second: MadePart = { index: 2, rows: ['db'], cells: { 'db@qa': 'pass', 'db@vm': 'pass' } }
const idOf = (index: number) => `2026-01-31-12000${index}-000${index}`

function write(folder: string, made: MadePart): void {
  mkdirSync(join(folder, 'evidence'), { recursive: true })
  writeFileSync(
    join(folder, 'events.jsonl'),
    partOf(made)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  )
  writeFileSync(join(folder, 'evidence', hash), log)
}

function latest(reports: string): RunRecord {
  const { path } = JSON.parse(readFileSync(join(reports, 'latest.json'), 'utf8')) as { readonly path: string }
  return JSON.parse(readFileSync(join(reports, path), 'utf8')) as RunRecord
}

describe('matrix report --merge', () => {
  test('makes one run of the folders of two parts, with every rendering and its own exit code', async () => {
    using made = project({
      'matrix.yaml': 'notify: [{ command: [sh, -c, "cat > told.json"] }]\n',
      'stacks/api/stack.yaml': 'image: x\nchecks: [{ name: c, exec: { command: [x] } }]\n',
      'environments/qa.yaml': '{}\n',
    })
    write(join(made.root, 'parts/1', idOf(1)), first)
    write(join(made.root, 'parts/2', idOf(2)), second)
    const foreign = join(made.root, 'parts/2', idOf(2), 'evidence')
    symlinkSync('/etc/hostname', join(foreign, 'a'.repeat(64)))
    writeFileSync(join(foreign, 'b'.repeat(64)), 'something else')
    const result = await matrix(['report', '--merge', `parts/1/${idOf(1)}/`, `parts/2/${idOf(2)}/`], {
      cwd: made.root,
    })
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain(`is not what its name says: ${'a'.repeat(64)}, ${'b'.repeat(64)}`)
    expect(result.stdout).toContain('Something failed: 1 failed, 5 passed')
    const reports = join(made.root, 'reports')
    const run = latest(reports)
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
    expect(run).toMatchObject({ complete: true, exitCode: 1, selection: 'whole' })
    expect(run.cells).toHaveLength(6)
    const folder = join(reports, run.id)
    for (const name of ['index.html', 'junit.xml', 'ctrf.json', 'summary.md', 'metrics.prom', 'badge.json']) {
      expect(existsSync(join(folder, name)), name).toBe(true)
    }
    for (const name of ['junit.xml', 'metrics.prom', 'badge.json']) {
      expect(readFileSync(join(reports, name), 'utf8'), name).toBe(readFileSync(join(folder, name), 'utf8'))
    }
    expect(JSON.parse(readFileSync(join(made.root, 'told.json'), 'utf8'))).toMatchObject({
      run: run.id,
      exitCode: 1,
      changed: [{ cell: 'api@vm', outcome: 'fail' }],
    })
    expect(readdirSync(join(folder, 'evidence'))).toEqual([hash])
    expect(new Set(readHistory(reports).map((line) => line.run))).toEqual(new Set([run.id]))
    expect((await matrix(['report', run.id, '--format', 'ctrf'], { cwd: made.root })).exitCode).toBe(0)
  })

  test('stands in the history for parts that ran here, also when they are merged again', async () => {
    using made = project({})
    const reports = join(made.root, 'reports')
    for (const part of [first, second]) {
      write(join(reports, idOf(part.index)), part)
      appendHistory(reports, foldRun(partOf(part)))
    }
    await matrix(['report', '--merge', idOf(1), idOf(2)], { cwd: made.root })
    const again = await matrix(['report', '--format', 'json', '--merge', idOf(1), idOf(2)], { cwd: made.root })
    expect(again.exitCode).toBe(1)
    const run = JSON.parse(again.stdout) as RunRecord
    expect(run.baseline).toBeNull()
    expect(readHistory(reports).map((line) => [line.run, line.cell])).toEqual(
      run.cells.map((cell) => [run.id, cell.id]),
    )
  })

  test('says which part is missing', async () => {
    using made = project({})
    write(join(made.root, 'part'), { ...first, cells: { ...first.cells, 'api@vm': 'pass' } })
    const result = await matrix(['report', '--merge', 'part'], { cwd: made.root })
    expect(result).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('matrix: missing: 2/2; their cells count as not run\n'),
    })
    expect(result.stdout).toContain('it is in no part that was given')
  })

  test('refuses what is no part, and writes nothing', async () => {
    using made = project({})
    write(join(made.root, 'part'), first)
    const refused = async (...args: readonly string[]) => {
      const { exitCode, stderr } = await matrix(['report', ...args], { cwd: made.root })
      expect(exitCode).toBe(2)
      return stderr
    }
    expect(await refused('--merge', 'part', 'part')).toBe(
      'matrix: part and part both ran site@vm; give each part once\nNothing was merged.\n',
    )
    expect(await refused('--merge', 'part', 'nowhere')).toContain(`there is no ${join(made.root, 'nowhere')}`)
    expect(await refused('--merge')).toContain("option '--merge <parts...>' argument missing")
    expect(await refused('2026-01-31', '--merge', 'part')).toContain('name the parts behind --merge')
    expect(existsSync(join(made.root, 'reports'))).toBe(false)
  })
})

describe('matrix check --shard', () => {
  test('runs one part each, of which report --merge makes the whole with its own exit code', async () => {
    using made = project({
      ...serverStack('api', { checks: '  - { name: it is gone, http: { port: http }, expect: { status: 410 } }' }),
      ...serverStack('site'),
      ...environment('qa'),
    })
    /** As if brought from a machine of its own. */
    const partOn = async (machine: string, shard: string) => {
      const part = await check(made.root, '--shard', shard, '--no-rerun')
      mkdirSync(join(made.root, 'parts'), { recursive: true })
      renameSync(join(made.root, 'reports'), join(made.root, 'parts', machine))
      return { ...part, folder: `parts/${machine}/${part.run.id}` }
    }
    const parts = [await partOn('first', '1/2'), await partOn('second', '2/2')]
    const answers = (run: RunRecord) => run.cells.map(({ id, outcome }) => `${id} ${outcome}`)
    expect(parts.map(({ exitCode, run }) => [exitCode, run.selection, ...answers(run)])).toEqual([
      [1, 'part', 'api@qa fail'],
      [0, 'part', 'site@qa pass'],
    ])
    const folders = parts.map(({ folder }) => folder)
    const merged = await matrix(['report', '--format', 'json', '--merge', ...folders], { cwd: made.root })
    expect(merged.exitCode).toBe(1)
    const run = JSON.parse(merged.stdout) as RunRecord
    expect(run).toMatchObject({ complete: true, exitCode: 1, outcome: 'fail', selection: 'whole' })
    expect(run.stacks.map(({ id }) => id)).toEqual(['api', 'site'])
    expect(answers(run)).toEqual(['api@qa fail', 'site@qa pass'])
  })

  test('refuses a part that there is not', async () => {
    using made = project({ ...serverStack('api'), ...environment('qa') })
    const result = await matrix(['check', '--shard', '3/2'], { cwd: made.root })
    expect(result).toMatchObject({ exitCode: 2, stdout: '' })
    expect(result.stderr).toContain("option '--shard <part>' argument '3/2' is invalid. write PART/PARTS, such as 2/5.")
    expect(existsSync(join(made.root, 'reports'))).toBe(false)
  })
})
