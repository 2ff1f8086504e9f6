/** An engine that Matrix provisions and that dies under a run: told as that, nobody else harmed, and mended by the next run. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, during, matrix, startMatrix } from '../support/matrix.ts'
import { containerOf, inside, socketOf, workloadRuns } from '../support/nested.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const options = { signal: new AbortController().signal }
let old: TestProject
let engine: Engine

beforeAll(async () => {
  engine = await testEngine()
  old = project({
    ...serverStack('server', {
      checks: '  - { name: it is there for a while, exec: { command: [sleep, "20"] }, timeout: 60s }',
    }),
    ...environment('here'),
    ...environment('old', 'engine: { provision: { kind: nested, engine: docker, release: bullseye } }'),
  })
})
afterAll(async () => {
  await matrix(['env', 'down', 'old', '--purge'], { cwd: old.root })
  old[Symbol.dispose]()
})

const host = () => ({ root: old.root, name: 'docker-bullseye' })
const startOfHost = async () => (await engine.containers.inspect(containerOf(host()), options)).startedAt
const cellOf = (run: RunRecord, id: string) => run.cells.find((cell) => cell.id === id)

describe('a nested engine', () => {
  test('that is killed under a cell is an error of that cell alone, the next run starts it again, and whoever asks after that has it as it is', async () => {
    const up = await matrix(['env', 'up', 'old'], { cwd: old.root })
    expect(up.exitCode, up.stderr).toBe(0)
    const first = await startOfHost()

    const running = startMatrix(['check', '--json', '--no-rerun'], { cwd: old.root })
    await using there = inside(host())
    await during(running, workloadRuns(there))
    await engine.containers.kill(containerOf(host()), { ...options, killSignal: 'SIGKILL' })
    const { stdout } = await running
    const run = JSON.parse(String(stdout)) as RunRecord
    expect(cellOf(run, 'server@old')).toMatchObject({ outcome: 'error', reason: 'engine-lost' })
    expect(cellOf(run, 'server@here')).toMatchObject({ outcome: 'pass' })
    expect(run.exitCode).toBe(3)

    const next = await check(old.root)
    expect(next.run.cells.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['server@here', 'pass'],
      ['server@old', 'pass'],
    ])
    expect(await startOfHost()).not.toBe(first)
    const second = await startOfHost()
    expect(await matrix(['env', 'up', 'old'], { cwd: old.root })).toMatchObject({ exitCode: 0 })
    expect(await startOfHost()).toBe(second)

    const [here, nested] = next.run.cells
    expect(here?.image?.id).toBe(nested?.image?.id)
    expect(next.run.environments.map(({ engine: facts }) => facts?.version)).toEqual([
      expect.any(String),
      '20.10.5+dfsg1',
    ])
  })

  test('stays while a run lives whose cells are all in it', async () => {
    const running = startMatrix(['check', '--json', '--no-rerun', '--env', 'old'], { cwd: old.root })
    await using there = inside(host())
    await during(running, workloadRuns(there))
    for (const named of ['old', 'docker-bullseye']) {
      const down = await matrix(['env', 'down', '--purge', named], { cwd: old.root })
      expect(down).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('a run of this project lives') })
    }
    const { stdout } = await running
    expect(cellOf(JSON.parse(String(stdout)), 'server@old')).toMatchObject({ outcome: 'pass' })
  })

  test('is looked into by clean, also where another project only connects to it', async () => {
    using guest = project({
      ...serverStack('server'),
      ...environment('theirs', `engine: { connect: "unix://${socketOf(host())}" }`),
    })
    await using there = inside(host())
    for (const { root } of [old, guest]) {
      const killed = startMatrix(['check', '--stack', 'server', '--env', root === old.root ? 'old' : 'theirs'], {
        cwd: root,
      })
      await during(killed, workloadRuns(there))
      killed.kill('SIGKILL')
      await killed
      expect(await leftovers(there, root)).not.toEqual([])
      const cleaned = await matrix(['clean'], { cwd: root })
      expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })
      expect(await leftovers(there, root)).toEqual([])
      expect((await matrix(['clean'], { cwd: root })).stdout).toContain('nothing was left behind\n')
    }
  })

  test('that an environment names and that does not answer is told, for what is in it stays', async () => {
    using guest = project({
      ...serverStack('server'),
      ...environment('theirs', 'engine: { pool: ["unix:///run/no-such-engine.sock"] }'),
    })
    const cleaned = await matrix(['clean'], { cwd: guest.root })
    expect(cleaned).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('0 things removed\n') })
    expect(cleaned.stderr).toContain('unix:///run/no-such-engine.sock')
  })

  test('that was made of something else is made anew', async () => {
    const name = containerOf(host())
    await engine.containers.remove(name, options)
    const labels = { 'matrix.project': projectIdOf(old.root), 'matrix.role': 'host', 'matrix.host': 'docker-bullseye' }
    const image = await ensureHelperImage(engine, options)
    const other = { name, image, labels, entrypoint: ['/bin/busybox'], command: ['sleep', '600'] }
    const rest = { environment: {}, constraints: {}, network: { kind: 'none' }, volumes: [] } as const
    const { id } = await engine.containers.create({ ...other, ...rest }, options)
    await engine.containers.start(id, options)
    const up = await matrix(['env', 'up', 'old'], { cwd: old.root })
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(up.stderr).toContain('was made by another version of Matrix; starting it again')
    await using there = inside(host())
    expect(await there.facts(options)).toMatchObject({ version: '20.10.5+dfsg1' })
  })

  test('that hangs is sick, and is started again', async () => {
    expect(await matrix(['env', 'up', 'old'], { cwd: old.root })).toMatchObject({ exitCode: 0 })
    const command = ['sh', '-c', 'kill -STOP $(pidof dockerd)']
    const hung = await engine.containers.exec(containerOf(host()), { command, maxBytes: 1000 }, options)
    expect(hung).toMatchObject({ exitCode: 0 })
    expect((await matrix(['env', 'status'], { cwd: old.root })).stdout).toMatch(
      /^host docker-bullseye \(old\): sick, /m,
    )
    const up = await matrix(['env', 'up', 'old'], { cwd: old.root })
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    expect(up.stderr).toContain('docker-bullseye runs and does not answer; starting it again')
  })

  test('leaves nothing once it is taken away', async () => {
    await matrix(['env', 'down', 'old', '--purge'], { cwd: old.root })
    expect(await leftovers(engine, old.root)).toEqual([])
  })
})
