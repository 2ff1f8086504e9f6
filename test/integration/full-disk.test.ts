/** A nested engine whose disk is full: told as that, nobody else harmed, and mended by the next run. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, matrix } from '../support/matrix.ts'
import { containerOf, type NestedHost } from '../support/nested.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const signal = new AbortController().signal
const outcomesOf = (run: RunRecord) => Object.fromEntries(run.cells.map(({ id, outcome }) => [id, outcome]))

let tested: TestProject
const host = (): NestedHost => ({ root: tested.root, name: 'docker-bookworm' })

beforeAll(() => {
  tested = project({
    ...serverStack('server'),
    ...environment('here'),
    ...environment('small', 'engine: { provision: { kind: nested, engine: docker, release: bookworm } }'),
  })
})
afterAll(async () => {
  await using engine = await testEngine()
  await matrix(['env', 'down', '--purge', 'small'], { cwd: tested.root })
  const left = await leftovers(engine, tested.root)
  tested[Symbol.dispose]()
  expect(left).toEqual([])
})

/** The host's data in memory, with so much room; to be made before the host. */
async function giveRoom(mebibytes: number): Promise<void> {
  await using engine = await testEngine()
  await using local = connectDocker(engine.endpoint)
  const DriverOpts = { type: 'tmpfs', device: 'tmpfs', o: `size=${mebibytes}m` }
  const body = { Name: containerOf(host()), Driver: 'local', DriverOpts }
  await local.ask({ method: 'POST', path: '/volumes/create', body, signal })
}

async function fill(): Promise<void> {
  await using local = await testEngine()
  const command = ['sh', '-c', 'cat /dev/zero > /var/lib/docker/filler; df /var/lib/docker']
  const { stdout } = await local.containers.exec(containerOf(host()), { command, maxBytes: 1000 }, { signal })
  expect(stdout).toContain('100%')
}

test('a disk that takes no image is an error of that cell alone', async () => {
  await giveRoom(40)
  const { cell, exitCode, run } = await check(tested.root)
  expect(outcomesOf(run)).toEqual({ 'server@here': 'pass', 'server@small': 'error' })
  expect(cell('server@small')).toMatchObject({
    stage: 'distribute',
    reason: 'not-delivered',
    message: expect.stringContaining('no space left on device'),
  })
  expect(exitCode).toBe(3)
})

test('a disk that is full when the run begins is mended by it', async () => {
  await matrix(['env', 'down', '--purge', 'small'], { cwd: tested.root })
  await giveRoom(400)
  const first = await check(tested.root, '--env', 'small')
  expect(outcomesOf(first.run)).toEqual({ 'server@small': 'pass' })
  await fill()
  const next = await check(tested.root)
  expect(next.stderr).toContain('docker-bookworm has a full disk; throwing its images away')
  expect(outcomesOf(next.run)).toEqual({ 'server@here': 'pass', 'server@small': 'pass' })
})
