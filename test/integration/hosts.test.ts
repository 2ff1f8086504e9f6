/** An engine that Matrix provisions and that dies under a run: told as that, nobody else harmed, and mended by the next run. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { hostFolder } from '../../src/hosts/host-place.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, matrix, startMatrix } from '../support/matrix.ts'
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

const host = () => `matrix-host-${projectIdOf(old.root)}-docker-bullseye`
const cellOf = (run: RunRecord, id: string) => run.cells.find((cell) => cell.id === id)

describe('a nested engine', () => {
  test('that is killed under a cell is an error of that cell alone, and the next run starts it again', async () => {
    const up = await matrix(['env', 'up', 'old'], { cwd: old.root })
    expect(up.exitCode, up.stderr).toBe(0)

    const running = startMatrix(['check', '--json', '--no-rerun'], { cwd: old.root })
    let said = ''
    let killed: Promise<void> | undefined
    running.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    for (let attempt = 0; killed === undefined && attempt < 600; attempt++) {
      const workloads = await inside({ 'matrix.role': 'workload' })
      if (workloads > 0) killed = engine.containers.kill(host(), { ...options, killSignal: 'SIGKILL' })
      else await new Promise((done) => setTimeout(done, 200))
    }
    expect(killed, said).toBeDefined()
    await killed
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
    const [here, there] = next.run.cells
    expect(here?.image?.id).toBe(there?.image?.id)
    expect(next.run.environments.map(({ engine: facts }) => facts?.version)).toEqual([
      expect.any(String),
      '20.10.5+dfsg1',
    ])
  })

  test('leaves nothing once it is taken away', async () => {
    await matrix(['env', 'down', 'old', '--purge'], { cwd: old.root })
    expect(await leftovers(engine, old.root)).toEqual([])
  })
})

/** Workloads that run inside the host now. */
async function inside(labels: Readonly<Record<string, string>>): Promise<number> {
  const folder = hostFolder(process.env, projectIdOf(old.root), 'docker-bullseye')
  await using nested = connectDocker(`unix://${folder}/run/engine.sock`)
  return (await nested.list('container', labels, options)).length
}
