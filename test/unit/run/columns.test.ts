import { Readable } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { EngineError } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import type { RunEventBody } from '../../../src/model/event.ts'
import { Columns } from '../../../src/run/columns.ts'
import { Teardown } from '../../../src/run/teardown.ts'

afterEach(() => void vi.useRealTimers())

const { signal } = new AbortController()

/** An engine that was lost, and then refuses connections so often. */
async function lost(refusals: number) {
  vi.useFakeTimers()
  const fake = createFakeEngine({ '/bin/busybox sleep 86400': { exitCode: null } })
  const build = { tag: 'matrix-helper:busybox', labels: {}, context: Readable.from([]) }
  await fake.images.build(build as never, { signal })
  let left = 0
  const engine = {
    ...fake,
    facts: async (options: { readonly signal: AbortSignal }) => {
      if (left-- > 0) throw new EngineError('unreachable', 'the engine does not answer (ECONNREFUSED)')
      return { ...(await fake.facts(options)), unsupported: new Set(['mem_limit', 'cpuset']) }
    },
  }
  const clock: Clock = {
    ...systemClock,
    async sleep(ms, until) {
      vi.advanceTimersByTime(ms)
      until?.throwIfAborted()
    },
  }
  const events: RunEventBody[] = []
  const columns = new Columns({
    ...{
      clock,
      signal,
      concurrency: null,
      emit: (event: RunEventBody) => void events.push(event),
      onNotice: () => {},
      newTeardown: () => new Teardown(),
    },
    columnOf: async () => [{ engine, onThisMachine: true }],
    identity: { project: 'p', run: 'r', owner: 'o', deadlineAt: 0 } as never,
  })
  const [column] = await columns.of('qa')
  if (column === undefined) throw new Error('it was not opened')
  left = refusals
  return { events, columns, column, next: await columns.reopen(column) }
}

test('what an engine does not enforce is in the record of the run', async () => {
  const { events } = await lost(0)
  expect(events).toMatchObject([
    {
      type: 'engine-ready',
      environment: 'qa',
      engines: [{ endpoint: 'fake://memory', unsupported: ['cpuset', 'mem_limit'] }],
    },
  ])
})

test('an engine that is started anew has some seconds until it takes connections', async () => {
  const { columns, column, next } = await lost(5)
  expect(next).not.toBeNull()
  expect(columns.latest(column)).toBe(next)
})

test('one that goes on to refuse them stays lost', async () => {
  const { columns, column, next } = await lost(Number.POSITIVE_INFINITY)
  expect(next).toBeNull()
  expect(columns.latest(column)).toBe(column)
})

test('a cell that needs much waits for builds, and a small one does not', async () => {
  const { columns, column } = await lost(0)
  const { admission, session } = column
  const seen: string[] = []
  const run = (name: string, places: number) =>
    admission.run({ bytes: 1, places, exclusive: false }, { signal, work: async () => void seen.push(name) })
  const builds = [columns.busy('build', session.facts), columns.busy('build', session.facts)]
  const large = run('large', 3)
  await run('small', 1)
  seen.push('built')
  for (const build of builds) build[Symbol.dispose]()
  await large
  using _one = columns.busy('send', session.facts)
  using _other = columns.busy('send', session.facts)
  await run('beside images on their way', 3)
  expect(seen).toEqual(['small', 'built', 'large', 'beside images on their way'])
})
