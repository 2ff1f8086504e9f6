import { describe, expect, test } from 'vitest'
import { type ContainerEvent, type Engine, EngineError } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { ensureHelperImage } from '../../../src/images/helper.ts'
import { describeEnd } from '../../../src/run/container-end.ts'
import { DeathWatch } from '../../../src/run/death-watch.ts'

const words = {
  stdout: ['listening'],
  stderr: ['warming up', 'login of app with hunter2 was refused', '  '],
  exitCode: 3,
}

const copy = (constraints: object = {}) => ({
  ...{ alias: 'api', config: { constraints, volumes: [], ports: {}, environment: {}, findings: [] } },
})

/** Events of one container; after them the stream breaks. */
async function watched(...events: readonly Partial<ContainerEvent>[]): Promise<DeathWatch> {
  const engine = {
    watch: async () =>
      (async function* () {
        for (const event of events) yield { container: 'c', labels: {}, exitCode: null, health: null, ...event }
        throw new EngineError('unreachable', 'the connection broke')
      })(),
  } as unknown as Engine
  const deaths = await DeathWatch.start(engine, { labels: {}, signal: new AbortController().signal })
  expect(await deaths.next('other')).toMatchObject({ kind: 'lost' })
  return deaths
}

const gone = new EngineError('unreachable', 'no answer')
/** Does not answer any more. */
const silent = {
  containers: { inspect: () => Promise.reject(gone), logs: () => Promise.reject(gone) },
} as unknown as Engine

describe('an end that was heard of before the engine was lost', () => {
  const signal = new AbortController().signal
  const end = async (deaths: DeathWatch, constraints?: object) =>
    describeEnd(copy(constraints), { session: { engine: silent, deaths }, containerId: 'c', signal, redact: [] })

  test('is still known, and that the engine is lost too', async () => {
    const deaths = await watched({ action: 'die', exitCode: 3 })
    expect(deaths.known('c')).toMatchObject({ kind: 'died', exitCode: 3 })
    expect(await deaths.next('c')).toMatchObject({ kind: 'died', exitCode: 3 })
    expect(deaths.lossOf('c')).toMatchObject({ message: 'the connection broke' })
    expect(deaths.known('other')).toMatchObject({ kind: 'lost' })
  })

  test('is told by what was heard', async () => {
    const deaths = await watched({ action: 'die', exitCode: 3 })
    expect(await end(deaths)).toEqual({ reason: 'exited', message: 'api ended with exit code 3' })
  })

  test('is certain where the kernel told why', async () => {
    const deaths = await watched({ action: 'oom' }, { action: 'die', exitCode: 137 })
    expect(await end(deaths)).toEqual({
      reason: 'oom-killed',
      message: 'api was killed for want of memory (exit code 137)',
      certain: true,
    })
  })

  test('is no want of memory where the engine may have ended it as it went', async () => {
    const deaths = await watched({ action: 'die', exitCode: 137 })
    expect(await end(deaths, { mem_limit: 1 })).toEqual({ reason: 'exited', message: 'api ended with exit code 137' })
  })

  test('is nothing where none was heard of', async () => {
    await expect(end(await watched())).rejects.toThrow('no answer')
  })
})

test('a container that ended tells its last words, and no secret in them', async () => {
  const signal = new AbortController().signal
  const engine = createFakeEngine({ serve: words })
  const { id } = await engine.containers.create(
    {
      name: 'api',
      image: await ensureHelperImage(engine, { signal }),
      labels: {},
      command: ['serve'],
      environment: { PASSWORD: 'hunter2' },
      constraints: {},
      network: { kind: 'none' },
      volumes: [],
    },
    { signal },
  )
  const deaths = await DeathWatch.start(engine, { labels: {}, signal })
  await engine.containers.start(id, { signal })
  const end = await describeEnd(copy(), { session: { engine, deaths }, containerId: id, signal, redact: ['hunter2'] })
  expect(end).toEqual({
    reason: 'exited',
    message: 'api ended with exit code 3: login of app with [secret] was refused',
  })
})
