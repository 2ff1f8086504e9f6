import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Engine } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { LayerStore } from '../../../src/images/layer-store.ts'
import type { VerifiedImages } from '../../../src/images/verified.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Environment, Project } from '../../../src/model/project.ts'
import { makePlan } from '../../../src/plan/plan.ts'
import type { Column } from '../../../src/run/columns.ts'
import { runPlan } from '../../../src/run/run.ts'
import { environmentOf, stackRow } from '../../support/declared.ts'
import { until } from '../../support/until.ts'

const { signal } = new AbortController()
const sleeps = { exitCode: null, onStop: 0 }
const vm = { kind: 'vm', release: 'trixie', cpus: 1, memoryBytes: 1, diskBytes: 1 } as const

/** One with the same images as another is sent none. */
async function engineWith(images: readonly string[]) {
  const engine = createFakeEngine({ serve: sleeps, '/bin/busybox sleep 86400': sleeps })
  for (const reference of [...images, 'matrix-helper:busybox']) {
    await engine.images.importRoot(Readable.from([reference]), { reference, signal })
  }
  return engine
}

const ids = ['api', 'site']

/** What happens of two stacks in these environments. @param engineOf may look at what did, and add to it */
async function happens(
  columns: readonly (Partial<Environment> & { readonly id: string })[],
  engineOf: (environment: string, seen: string[]) => Promise<Omit<Column, 'onThisMachine'>>,
): Promise<readonly string[]> {
  const image = (id: string) => ({ kind: 'image', reference: id }) as const
  const rows = ids.map((id) => stackRow({ id, base: id, image: image(id), command: ['serve'] }))
  const environments = columns.map((column) => environmentOf(column))
  const project = { root: '/', id: 'p', rows, environments, exclusions: [], bases: {}, registry: null }
  const plan = makePlan(project as unknown as Project, { chosen: () => true, unsupported: () => new Set() })
  const seen: string[] = []
  const say = (text: string) => void seen.push(text)
  await runPlan(plan, {
    builder: await engineWith(ids),
    layers: new LayerStore('/nowhere'),
    verified: { verify: async (id: string) => id } as unknown as VerifiedImages,
    columnOf: async (environment) => {
      say(`host ${environment}`)
      return [{ ...(await engineOf(environment, seen)), onThisMachine: false }]
    },
    clock: systemClock,
    identity: { project: 'p', run: 'r', owner: 'o', deadlineAt: 0 },
    toolVersion: '0',
    emit: (event) => {
      if (event.type === 'cell-started' || event.type === 'cell-finished') say(`${event.type} ${event.cell}`)
    },
    progress: () => {},
    evidence: { put: async ({ name, mediaType }) => ({ name, mediaType, hash: '', sizeBytes: 0, cutBytes: 0 }) },
    secret: () => '',
    redact: [],
    signal,
    concurrency: 1,
    deadlineMs: null,
    mayBootstrap: false,
    keepFailed: false,
    knownPass: () => null,
    expectedMs: (cell) => (cell.endsWith('@machine') ? 1_000_000 : 1),
  })
  return seen
}

const cellsOf = (...columns: readonly string[]) =>
  columns.flatMap((column) => ids.flatMap((id) => [`cell-started ${id}@${column}`, `cell-finished ${id}@${column}`]))

test('a virtual machine comes up, and its cells start, once every other cell has its answer', async () => {
  const machine = { id: 'machine', engine: { kind: 'provision', spec: vm } } as const
  const engine = await engineWith(ids)
  const seen = await happens([machine, { id: 'qa' }, { id: 'shop' }], async () => ({ engine }))
  const up = seen.indexOf('host machine')
  expect(seen.slice(0, up).toSorted()).toEqual(['host qa', 'host shop', ...cellsOf('qa', 'shop')].toSorted())
  expect(seen.slice(up + 1).toSorted()).toEqual(cellsOf('machine').toSorted())
})

test.each([
  ['an emulated machine has every image before its first cell', true],
  ['the cells of another need not wait for the images of others', false],
])('%s', async (_, emulated) => {
  const seen = await happens([{ id: 'qa' }], async (_environment, events) => {
    const engine = await engineWith(ids)
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
