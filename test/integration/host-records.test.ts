/** Which hosts there are is remembered on the machine: in which engine each is, and of which project. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { matrix } from '../support/matrix.ts'
import { giveImages, type OwnMachine, ownMachine } from '../support/own-machine.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const files = {
  ...serverStack('server'),
  ...environment('nested', 'engine: { provision: { kind: nested, engine: docker, release: bookworm } }'),
}
const options = { signal: new AbortController().signal }
let machine: OwnMachine
let first: Engine
let second: Engine
let made: TestProject
beforeAll(async () => {
  machine = await ownMachine()
  first = await testEngine()
  second = await machine.startEngine()
  made = project(files)
})
afterAll(async () => {
  await matrix(['env', 'down', '--purge', 'nested'], { cwd: made.root })
  made[Symbol.dispose]()
  await second[Symbol.asyncDispose]()
  await machine[Symbol.asyncDispose]()
})

const using = (engine: Engine) => (args: readonly string[]) =>
  matrix(args, { cwd: made.root, env: { DOCKER_HOST: engine.endpoint } })

test('a host is asked after, and taken away, in the engine that it was made in', async () => {
  expect(await using(first)(['env', 'up', 'nested'])).toMatchObject({ exitCode: 0 })
  const { stdout } = await using(second)(['env', 'status', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    used: { endpoint: second.endpoint },
    hosts: [{ name: 'docker-bookworm', state: 'up', engine: first.endpoint }],
  })
  expect((await using(second)(['env', 'status'])).stdout).toContain(`; it is in ${first.endpoint}`)
  expect(await using(second)(['env', 'down', '--purge', 'nested'])).toMatchObject({ exitCode: 0 })
  expect(await leftovers(first, made.root)).toEqual([])
})

test('a host that was made takes no disk any more, and its memory only while it does not run', async () => {
  const room = async () => {
    const { stdout } = await using(first)(['doctor', '--json'])
    const found = JSON.parse(stdout) as readonly { readonly name: string; readonly value: string }[]
    return found.find(({ name }) => name === 'room')?.value ?? null
  }
  expect(await room()).toMatch(/\(docker-bookworm\) take about [1-9]\S* GiB of disk and 0\.3 GiB of memory$/)
  expect(await using(first)(['env', 'up', 'nested'])).toMatchObject({ exitCode: 0 })
  expect(await room()).toBeNull()
  expect(await using(first)(['env', 'down', 'nested'])).toMatchObject({ exitCode: 0 })
  const { stdout } = await using(first)(['env', 'status', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ hosts: [{ state: 'down', message: expect.stringContaining('kept') }] })
  expect(await room()).toMatch(/\(docker-bookworm\) take about 0\.0 GiB of disk and 0\.3 GiB of memory$/)
  expect(await using(first)(['env', 'down', '--purge', 'nested'])).toMatchObject({ exitCode: 0 })
})

test('a run that uses another engine takes the host away in the old one before it makes it in its own', async () => {
  await giveImages(second)
  expect(await using(first)(['env', 'up', 'nested'])).toMatchObject({ exitCode: 0 })
  const moved = await using(second)(['env', 'up', 'nested'])
  expect(moved, moved.stderr).toMatchObject({ exitCode: 0 })
  expect(moved.stderr).toContain(`docker-bookworm was in ${first.endpoint}; taking it away there`)
  expect(await leftovers(first, made.root)).toEqual([])
  expect(await leftovers(second, made.root)).not.toEqual([])
})

test('where its engine does not answer any more it is not said to be taken away', async () => {
  await machine[Symbol.asyncDispose]()
  const stopped = await using(first)(['env', 'down', 'nested'])
  expect(stopped).toMatchObject({ exitCode: 3, stdout: '' })
  expect(stopped.stderr).toContain(`docker-bookworm cannot be stopped: ${second.endpoint}`)
  const down = await using(first)(['env', 'down', '--purge', 'nested'])
  expect(down.exitCode).toBe(3)
  expect(down.stderr).toContain(`docker-bookworm cannot be taken away: ${second.endpoint}`)
  const up = await using(first)(['env', 'up', 'nested'])
  expect(up, up.stderr).toMatchObject({ exitCode: 0 })
  expect(up.stderr).toContain('does not answer; what it left there stays')
})

test('a host that no environment asks for any more is told, and taken away by its name, whatever the files say', async () => {
  using changed = project(files)
  const inIt = (...args: readonly string[]) => matrix(args, { cwd: changed.root })
  expect(await inIt('env', 'up', 'nested')).toMatchObject({ exitCode: 0 })
  const yaml = join(changed.root, 'environments/nested.yaml')
  writeFileSync(yaml, readFileSync(yaml, 'utf8').replace('bookworm', 'trixie'))
  const { stdout } = await inIt('doctor')
  expect(stdout).toMatch(
    /docker-bookworm was brought up, and no environment asks.*\n.*env down --purge docker-bookworm\n/,
  )
  const unknown = await inIt('env', 'down', '--purge', 'docker-buster')
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no host "docker-buster"') })
  const down = await inIt('env', 'down', '--purge', 'docker-bookworm')
  expect(down).toMatchObject({ exitCode: 0, stdout: 'took away docker-bookworm\n' })
  expect(await leftovers(first, changed.root)).toEqual([])
})

test('hosts of a project whose folder is gone are taken away by clean in another one, and no others', async () => {
  // Apart from what other tests know of: their clean would take them away too.
  const state = mkdtempSync(join(tmpdir(), 'matrix-state-'))
  const env = { DOCKER_HOST: first.endpoint, MATRIX_ENGINE_DIR: state }
  const [gone, kept, other] = [project(files), project(files), project(files)]
  try {
    for (const { root } of [gone, kept]) {
      expect(await matrix(['env', 'up', 'nested'], { cwd: root, env })).toMatchObject({ exitCode: 0 })
    }
    rmSync(gone.root, { recursive: true })
    const doctor = await matrix(['doctor'], { cwd: kept.root, env })
    expect(doctor.stdout).toContain(`docker-bookworm of ${gone.root}`)
    const cleaned = await matrix(['clean'], { cwd: other.root, env })
    expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })
    expect(cleaned.stdout).toContain(`took away docker-bookworm of ${gone.root}\n`)
    expect(await leftovers(first, gone.root)).toEqual([])
    expect(await leftovers(first, kept.root)).not.toEqual([])
  } finally {
    await matrix(['env', 'down', '--purge', 'nested'], { cwd: kept.root, env })
    for (const one of [kept, other]) one[Symbol.dispose]()
    rmSync(state, { recursive: true, force: true })
  }
})

test('data of hosts that nobody here knows of are told, and stay', async () => {
  const name = `matrix-host-nobody-${process.pid}`
  const labels = { 'matrix.role': 'host', 'matrix.project': 'nobody' }
  await first.volumes.create({ name, labels }, options)
  try {
    const { stdout } = await matrix(['doctor'], { cwd: made.root })
    expect(stdout).toMatch(/note +volumes +\d+ of hosts that no project of this user has/)
    await matrix(['clean'], { cwd: made.root })
    expect((await first.list('volume', labels, options)).map((volume) => volume.name)).toEqual([name])
  } finally {
    await first.volumes.remove(name, options)
  }
})
