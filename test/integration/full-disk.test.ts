/** A nested engine whose disk is full, or is filled by a cell: told as that, nobody else harmed, and mended by the next run. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, matrix } from '../support/matrix.ts'
import { containerOf, inside, type NestedHost } from '../support/nested.ts'
import { dockerfile, environment, project, serverStack, type TestProject } from '../support/project.ts'

const signal = new AbortController().signal
const outcomesOf = (run: RunRecord) => Object.fromEntries(run.cells.map(({ id, outcome }) => [id, outcome]))

// More than the small disk has, and no more than any other can spare.
const writes = 'head -c 1G /dev/zero > /tmp/much'
const servesAfter = (command: string) => dockerfile.replace('["perl", "/server.pl"]', command)

let tested: TestProject
const host = (): NestedHost => ({ root: tested.root, name: 'docker-bookworm' })

beforeAll(() => {
  tested = project({
    ...serverStack('server'),
    ...serverStack('ends', { dockerfile: servesAfter(writes) }),
    ...serverStack('writes', {
      checks: `  - { name: it writes, exec: { command: [sh, -c, "${writes}"] }, timeout: 60s }`,
    }),
    ...serverStack('hoards', { dockerfile: servesAfter(`${writes}; exec perl /server.pl`) }),
    ...serverStack('needs-one', { yaml: 'needs: [hoards]' }),
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
  const { cell, exitCode, run } = await check(tested.root, '--stack', 'server')
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
  const first = await check(tested.root, 'server@small')
  expect(outcomesOf(first.run)).toEqual({ 'server@small': 'pass' })
  await fill()
  const next = await check(tested.root, '--stack', 'server')
  expect(next.stderr).toContain('docker-bookworm has a full disk; throwing its images away')
  expect(outcomesOf(next.run)).toEqual({ 'server@here': 'pass', 'server@small': 'pass' })
})

test('a disk that a cell fills itself is named as the cause, nothing stays on it, and the next cell has it again', async () => {
  await matrix(['env', 'down', '--purge', 'small'], { cwd: tested.root })
  await giveRoom(400)
  const answers = {
    ends: { stage: 'ready', message: expect.stringContaining('ends ended with exit code 1') },
    writes: { stage: 'check', message: expect.stringContaining('No space left on device') },
    'needs-one': { stage: 'create', message: expect.stringContaining('no space left on device') },
  }
  for (const [row, answer] of Object.entries(answers)) {
    const { cell, exitCode, run, stderr } = await check(tested.root, `${row}@small`, 'server@here', '--no-rerun')
    expect(outcomesOf(run)).toEqual({ 'server@here': 'pass', [`${row}@small`]: 'error' })
    expect(cell(`${row}@small`)).toMatchObject({ reason: 'disk-full', ...answer })
    expect(cell(`${row}@small`).message).toMatch(/^the disk of its engine is full: /)
    expect(exitCode).toBe(3)
    expect(stderr).not.toContain('could not be removed')
    await using there = inside(host())
    expect(await leftovers(there, tested.root)).toEqual([])
  }
  const { run, stderr } = await check(tested.root, 'server@small')
  expect(outcomesOf(run)).toEqual({ 'server@small': 'pass' })
  expect(stderr).not.toContain('throwing its images away')
})
