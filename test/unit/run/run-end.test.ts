import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { engineWith, happens } from '../../support/run-in-memory.ts'

const { signal } = new AbortController()

test('a run that ends while an engine is still being opened leaves nothing in it', async () => {
  const engine = await engineWith()
  let made = 0
  // Engines finish what they were asked for, whether or not anybody waits for it.
  const create: Engine['containers']['create'] = async (spec) => {
    await systemClock.sleep(100)
    made += 1
    return engine.containers.create(spec, { signal })
  }
  const slow: Engine = {
    ...engine,
    hosts: async () => [{ name: null, engine: slow }],
    containers: { ...engine.containers, create },
  }
  // Nothing can be built, so that no cell asks for the engine.
  await happens([{ id: 'qa' }], async () => ({ engine: slow }), { builder: createFakeEngine({}) })
  await systemClock.sleep(200)
  expect(made).toBe(1)
  expect(await engine.list('container', {}, { signal })).toEqual([])
})
