import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engines/engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { engineWith, happens, ids } from '../../support/run-in-memory.ts'
import { until } from '../../support/until.ts'

const { signal } = new AbortController()
const vm = { kind: 'vm', release: 'trixie', cpus: 1, memoryBytes: 1, diskBytes: 1 } as const

const cellsOf = (...columns: readonly string[]) =>
  columns.flatMap((column) => ids.flatMap((id) => [`cell-started ${id}@${column}`, `cell-finished ${id}@${column}`]))

test('a virtual machine comes up, and its cells start, once every other cell has its answer', async () => {
  const machine = { id: 'machine', engine: { kind: 'provision', spec: vm } } as const
  const engine = await engineWith()
  const seen = await happens([machine, { id: 'qa' }, { id: 'shop' }], async () => ({ engine }))
  const up = seen.indexOf('host machine')
  expect(seen.slice(0, up).toSorted()).toEqual(['host qa', 'host shop', ...cellsOf('qa', 'shop')].toSorted())
  expect(seen.slice(up + 1).toSorted()).toEqual(cellsOf('machine').toSorted())
})

test('no host comes up where every cell requires what is known not to be enforced there', async () => {
  const strict = { id: 'strict', required: ['pids_limit'], constraints: { pids_limit: 64 } }
  const engine = await engineWith()
  const seen = await happens([strict, { id: 'qa' }], async () => ({ engine }), { unsupported: ['pids_limit'] })
  expect(seen.toSorted()).toEqual(
    ['host qa', ...cellsOf('qa'), ...ids.map((id) => `cell-finished ${id}@strict`)].toSorted(),
  )
})

test.each([
  ['an emulated machine has every image before its first cell', true],
  ['the cells of another need not wait for the images of others', false],
])('%s', async (_, emulated) => {
  const seen = await happens([{ id: 'qa' }], async (_environment, events) => {
    const engine = await engineWith()
    // The second image takes its time: where cells need not wait for it, until one has begun.
    const hasBegun = () => events.some((text) => text.startsWith('cell-started'))
    let asked = 0
    const inspect: Engine['images']['inspect'] = async (reference, options) => {
      const found = await engine.images.inspect(reference, options)
      if (!reference.startsWith('sha256:')) return found
      asked += 1
      if (asked === 2) await (emulated ? systemClock.sleep(100, signal) : until(hasBegun))
      events.push('brought')
      return found
    }
    const slow: Engine = {
      ...engine,
      hosts: async () => [{ name: null, engine: slow }],
      images: { ...engine.images, inspect },
    }
    return { engine: slow, emulated }
  })
  const [, ...then] = seen
  expect(then.slice(0, 2)).toEqual(['brought', emulated ? 'brought' : expect.stringMatching(/^cell-started/)])
  expect(then.filter((text) => text === 'brought')).toHaveLength(2)
  expect(then.filter((text) => text !== 'brought').toSorted()).toEqual(cellsOf('qa').toSorted())
})
