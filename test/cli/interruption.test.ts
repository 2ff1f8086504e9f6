/** What stays of a run that does not end by itself: its record, and nothing in the engine. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { openDoor } from '../support/door.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { matrix, startMatrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'
import { until } from '../support/until.ts'

/** One cell answers at once; the other never becomes ready, and stays in flight. */
const unfinished = () =>
  project({
    ...environment('plain', 'network: { egress: proxy, latency: 20ms }\ncontract: { stops_within: 5s }'),
    ...serverStack('quick'),
    ...serverStack('waiting', {
      yaml: 'needs: [quick]\nservice: { volumes: ["data:/data"] }\ncommand: [perl, -e, "$SIG{TERM} = sub { exit }; sleep 600"]',
      readiness: '{ http: { port: http }, deadline: 10m }',
    }),
  })

let engine: Engine
beforeAll(async () => {
  engine = await testEngine()
})
afterAll(() => engine?.[Symbol.asyncDispose]())

type Process = ReturnType<typeof startMatrix>

/** A test that fails must not leave its run running. */
const started = new Set<Process>()
afterEach(() => {
  for (const process of started) process.kill('SIGKILL')
  started.clear()
})

/** Resolves once its stderr has said this. */
function said(process: Process, text: string): Promise<void> {
  let seen = ''
  return new Promise((resolve, reject) => {
    process.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
      if (seen.includes(text)) resolve()
    })
    process.stderr?.on('close', () => reject(new Error(`it never said "${text}":\n${seen}`)))
  })
}

/** A run whose quick cell is answered and whose other one is in flight, its containers there. */
async function inFlight(root: string, ...args: readonly string[]): Promise<{ readonly process: Process }> {
  const process = startMatrix(['check', '--json', ...args], { cwd: root })
  started.add(process)
  await said(process, 'quick@plain pass')
  await until(async () => {
    const here = await leftovers(engine, root)
    return here.some((one) => one.kind === 'container' && one.labels['matrix.role'] === 'workload')
  })
  return { process }
}

const onlyRun = (root: string): string => {
  const [id] = readdirSync(join(root, 'reports')).filter((name) => /^\d{4}-/.test(name))
  if (id === undefined) throw new Error('no run was recorded')
  return id
}

const outcomes = (run: RunRecord) => Object.fromEntries(run.cells.map((cell) => [cell.id, cell.outcome]))

describe('Ctrl-C', () => {
  test('once cancels, cleans up, writes the record and gives 130', async () => {
    using stopped: TestProject = unfinished()
    const { process } = await inFlight(stopped.root)
    process.kill('SIGINT')
    const { exitCode, stdout, stderr } = await process
    expect(exitCode).toBe(130)
    expect(String(stderr)).toContain('stopping and cleaning up')
    const run = JSON.parse(String(stdout)) as RunRecord
    expect(run).toMatchObject({ complete: true, outcome: 'cancelled', exitCode: 130 })
    expect(outcomes(run)).toEqual({ 'quick@plain': 'pass', 'waiting@plain': 'cancelled' })
    expect(await leftovers(engine, stopped.root)).toEqual([])
  })

  test('twice leaves at once, and clean takes what is left', async () => {
    using stopped = unfinished()
    const { process } = await inFlight(stopped.root)
    process.kill('SIGINT')
    await said(process, 'stopping and cleaning up')
    // A second signal within 100 ms is taken for the same wish, passed on by a wrapper.
    await new Promise((resolve) => setTimeout(resolve, 150))
    process.kill('SIGINT')
    const { exitCode } = await process
    expect(exitCode).toBe(130)
    expect(await matrix(['clean'], { cwd: stopped.root })).toMatchObject({ exitCode: 0 })
    expect(await leftovers(engine, stopped.root)).toEqual([])
  })
})

describe('kill -9', () => {
  test('leaves things behind that clean removes, and a journal that can be reported', async () => {
    using killed = unfinished()
    const { process } = await inFlight(killed.root)
    process.kill('SIGKILL')
    await process
    expect(await leftovers(engine, killed.root)).not.toEqual([])

    const cleaned = await matrix(['clean'], { cwd: killed.root })
    expect(cleaned).toMatchObject({ exitCode: 0 })
    expect(cleaned.stdout).toMatch(/removed container .*\n/)
    expect(await leftovers(engine, killed.root)).toEqual([])

    const id = onlyRun(killed.root)
    expect(existsSync(join(killed.root, 'reports', id, 'run.json'))).toBe(false)
    const reported = await matrix(['report', id, '--format', 'json'], { cwd: killed.root })
    const run = JSON.parse(reported.stdout) as RunRecord
    expect(run).toMatchObject({ id, complete: false, exitCode: null, outcome: 'unknown' })
    expect(outcomes(run)).toEqual({ 'quick@plain': 'pass', 'waiting@plain': 'error' })
    expect(run.cells.find((cell) => cell.id === 'waiting@plain')).toMatchObject({ reason: 'interrupted' })
    const shown = await matrix(['report'], { cwd: killed.root })
    expect(shown.stdout).toContain('The run was killed before it ended: 1 could not be observed, 1 passed')
    const html = readFileSync(join(killed.root, 'reports', id, 'index.html'), 'utf8')
    expect(html).toContain('The run was killed before it ended')
    expect(html).toContain('waiting on plain: error')
    expect(html).toContain('quick on plain: pass')
  })

  test('is swept by the next run', async () => {
    using killed = unfinished()
    const { process } = await inFlight(killed.root)
    process.kill('SIGKILL')
    await process
    const next = await matrix(['check', '--stack', 'quick'], { cwd: killed.root })
    expect(next).toMatchObject({ exitCode: 0 })
    expect(next.stderr).toMatch(/removed \d+ containers, networks and volumes that earlier runs left/)
    expect(await leftovers(engine, killed.root)).toEqual([])
  })
})

describe('two runs at once', () => {
  test('do not disturb each other, and clean touches neither', async () => {
    using shared = unfinished()
    const { process: first } = await inFlight(shared.root)
    const second = await matrix(['check', '--json', '--stack', 'quick'], { cwd: shared.root })
    expect(second.exitCode).toBe(0)
    const before = await leftovers(engine, shared.root)
    expect(before).not.toEqual([])
    expect((await matrix(['clean'], { cwd: shared.root })).stdout).toMatch(/^nothing was left behind$/m)
    expect((await leftovers(engine, shared.root)).map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort())
    first.kill('SIGINT')
    const run = JSON.parse(String((await first).stdout)) as RunRecord
    expect(outcomes(run)).toEqual({ 'quick@plain': 'pass', 'waiting@plain': 'cancelled' })
    expect(await leftovers(engine, shared.root)).toEqual([])
  })
})

describe('an engine that goes away during a run', () => {
  test('gives error and exit 3, and what was known is kept', async () => {
    using lost = unfinished()
    await using door = await openDoor(engine.endpoint)
    const { process } = await inFlight(lost.root, '--engine', door.endpoint)
    door.shut()
    const { exitCode, stdout } = await process
    const run = JSON.parse(String(stdout)) as RunRecord
    expect(exitCode).toBe(3)
    expect(run).toMatchObject({ complete: true, outcome: 'trouble', exitCode: 3 })
    expect(outcomes(run)).toEqual({ 'quick@plain': 'pass', 'waiting@plain': 'error' })
    expect(run.cells.find((cell) => cell.id === 'waiting@plain')).toMatchObject({ reason: 'engine-lost' })
    expect((await matrix(['clean'], { cwd: lost.root })).exitCode).toBe(0)
    expect(await leftovers(engine, lost.root)).toEqual([])
  })
})

describe('a deadline', () => {
  test('leaves what did not end, and what did not begin, not-run: the run is not green', async () => {
    using late = unfinished()
    expect((await matrix(['check', '--stack', 'quick'], { cwd: late.root })).exitCode).toBe(0)
    const args = ['check', '--json', '--concurrency', '1', '--deadline', '20s']
    const { exitCode, stdout } = await matrix(args, { cwd: late.root })
    const run = JSON.parse(stdout) as RunRecord
    expect(run).toMatchObject({ complete: true, exitCode: 3 })
    expect(exitCode).toBe(3)
    const cell = (id: string) => run.cells.find((one) => one.id === id)
    expect(cell('quick@plain')).toMatchObject({ outcome: 'pass' })
    expect(cell('waiting@plain')).toMatchObject({ outcome: 'not-run', reason: 'deadline' })
    expect(await leftovers(engine, late.root)).toEqual([])
  })

  test('that is over during a build is told as the reason why it did not end', async () => {
    using late = unfinished()
    writeFileSync(join(late.root, 'stacks/quick/Dockerfile'), 'FROM debian:bookworm-slim\nRUN sleep 100\n')
    const args = ['check', '--json', '--stack', 'quick', '--deadline', '8s']
    const { builds } = JSON.parse((await matrix(args, { cwd: late.root })).stdout) as RunRecord
    const message = 'the time of the run was over before it ended'
    expect(builds).toMatchObject([{ stack: 'quick', outcome: 'cancelled', message }])
    expect(await leftovers(engine, late.root)).toEqual([])
  })

  test('that is over before anything began leaves everything not-run', async () => {
    using late = unfinished()
    const { exitCode, stdout } = await matrix(['check', '--json', '--deadline', '1ms'], { cwd: late.root })
    const run = JSON.parse(stdout) as RunRecord
    expect(exitCode).toBe(3)
    expect(outcomes(run)).toEqual({ 'quick@plain': 'not-run', 'waiting@plain': 'not-run' })
    expect(await leftovers(engine, late.root)).toEqual([])
  })
})
