/** Room is judged where an engine keeps its data, and where that cannot be looked at it is not known. */
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EngineError, type EngineFacts } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { disksToBe, disksWith } from '../../../src/hosts/disks.ts'

const { signal } = new AbortController()
const env = { MATRIX_ENGINE_DIR: join(tmpdir(), 'matrix-not-there-yet', 'state') }

async function diskOf(
  dataRoot: EngineFacts['dataRoot'] | EngineError,
  endpoint = 'unix:///run/engine.sock',
): Promise<Awaited<ReturnType<typeof disksWith>>['engine']> {
  const fake = createFakeEngine({})
  const facts = async (options: { readonly signal: AbortSignal }) => {
    if (dataRoot instanceof EngineError) throw dataRoot
    return { ...(await fake.facts(options)), dataRoot }
  }
  return (await disksWith({ ...fake, endpoint, facts }, { env, signal })).engine
}

const here = { machine: hostname(), path: '/proc' }

test('an engine of this machine has the room of the disk that its data is on', async () => {
  expect(await diskOf(here)).toMatchObject({ freeBytes: 0 })
  expect((await diskOf({ ...here, path: tmpdir() }))?.device).toBe(disksToBe(env).own?.device)
})

test.each([
  ['is on another machine', { ...here, machine: 'elsewhere' }],
  ['is a folder that cannot be seen from here', { ...here, path: '/nowhere/docker' }],
  ['is not told', null],
  ['cannot be asked for', new EngineError('unreachable', 'no answer')],
] as const)('it is not known where the data %s', async (_, dataRoot) => {
  expect(await diskOf(dataRoot)).toBeNull()
})

test('nor where the engine is reached over a network, whatever it calls its machine', async () => {
  expect(await diskOf(here, 'ssh://root@elsewhere')).toBeNull()
})

test('of an engine that is still to be started it is the disk where it is going to be', () => {
  const { engine, own } = disksToBe(env)
  // What is free may change between two looks.
  expect(engine?.device).toBe(own?.device)
  expect(engine?.freeBytes).toBeGreaterThan(0)
})
