/** Several engines for one environment: cells are spread over them, and one that is lost is lost once. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { during, matrix, startMatrix } from '../support/matrix.ts'
import { containerOf, inside, socketOf, workloadRuns } from '../support/nested.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'
import { type SshServer, startSshServer } from '../support/ssh-server.ts'

const rows = ['row-a', 'row-b', 'row-c', 'row-d', 'row-e', 'row-f']
const checks = '  - { name: it is there for a while, exec: { command: [sleep, "3"] }, timeout: 60s }'
const nested = (release: string) => `engine: { provision: { kind: nested, engine: docker, release: ${release} } }`

let local: Engine
let server: SshServer
let tested: TestProject
const host = (name: string) => ({ root: tested.root, name })
const endpoint = (name: string) => server.endpoint(socketOf(host(name)))

beforeAll(async () => {
  local = await testEngine()
  server = await startSshServer()
  tested = project({
    ...Object.assign({}, ...rows.map((row) => serverStack(row, { checks }))),
    ...environment('one', nested('bookworm')),
    ...environment('other', nested('trixie')),
  })
  const up = await matrix(['env', 'up'], { cwd: tested.root })
  expect(up, up.stderr).toMatchObject({ exitCode: 0 })
  const pool = ['docker-bookworm', 'docker-trixie'].map((name) => `"${endpoint(name)}"`)
  writeFileSync(join(tested.root, 'environments/shared.yaml'), `engine: { pool: [${pool.join(', ')}] }\n`)
})
afterAll(async () => {
  if (tested !== undefined) await matrix(['env', 'down', 'one', 'other', '--purge'], { cwd: tested.root })
  tested?.[Symbol.dispose]()
  await server?.[Symbol.asyncDispose]()
  await local?.[Symbol.asyncDispose]()
})

test('the cells of a lost engine go to the other, no later cell is tried on it, and the record says where each ran', async () => {
  const args = ['check', '--json', '--no-rerun', '--concurrency', '1', '--env', 'shared']
  const running = startMatrix(args, { cwd: tested.root, env: server.environment })
  await using lost = inside(host('docker-bookworm'))
  await using kept = inside(host('docker-trixie'))
  const [moved] = await during(running, Promise.all([workloadRuns(lost), workloadRuns(kept)]))
  await local.containers.kill(containerOf(host('docker-bookworm')), {
    signal: new AbortController().signal,
    killSignal: 'SIGKILL',
  })
  const { exitCode, stdout, stderr } = await running
  const run = JSON.parse(String(stdout)) as RunRecord
  expect(run.cells.map(({ id, outcome, message }) => [id, outcome, message])).toEqual(
    rows.map((row) => [`${row}@shared`, 'pass', null]),
  )
  expect(exitCode).toBe(0)
  expect(run.cells.map(({ ranOn }) => ranOn)).toEqual(rows.map(() => endpoint('docker-trixie')))
  const met = run.environments.find(({ id }) => id === 'shared')?.engines
  expect(met?.map((one) => [one.endpoint, one.engine?.version])).toEqual([
    [endpoint('docker-bookworm'), expect.stringMatching(/^20\.10\./)],
    [endpoint('docker-trixie'), expect.stringMatching(/^26\.1\./)],
  ])
  const notices = String(stderr).match(/^.*goes to another engine.*$/gm)
  expect(notices).toEqual([expect.stringContaining(`${moved.cell}: ${endpoint('docker-bookworm')} was lost`)])
  expect(await leftovers(kept, tested.root)).toEqual([])
})

test('a run that finds one of them gone uses the other', async () => {
  const { exitCode, stdout, stderr } = await matrix(['check', '--json', 'row-a@shared'], {
    cwd: tested.root,
    env: server.environment,
  })
  const run = JSON.parse(stdout) as RunRecord
  expect(run.cells.map(({ outcome, ranOn }) => [outcome, ranOn])).toEqual([['pass', endpoint('docker-trixie')]])
  expect(stderr).toContain(`${endpoint('docker-bookworm')} cannot be used`)
  expect(exitCode).toBe(0)
})

test('cells are spread over those that are there', async () => {
  const up = await matrix(['env', 'up', 'one'], { cwd: tested.root })
  expect(up, up.stderr).toMatchObject({ exitCode: 0 })
  const { stdout } = await matrix(['check', '--json', 'row-a@shared', 'row-b@shared'], {
    cwd: tested.root,
    env: server.environment,
  })
  const run = JSON.parse(stdout) as RunRecord
  expect(run.cells.map(({ outcome }) => outcome)).toEqual(['pass', 'pass'])
  expect(new Set(run.cells.map(({ ranOn }) => ranOn)).size).toBe(2)
})
