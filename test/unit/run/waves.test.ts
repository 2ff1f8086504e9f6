import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { LayerStore } from '../../../src/images/layer-store.ts'
import type { VerifiedImages } from '../../../src/images/verified.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Project } from '../../../src/model/project.ts'
import { makePlan } from '../../../src/plan/plan.ts'
import { runPlan } from '../../../src/run/run.ts'
import { environmentOf, stackRow } from '../../support/declared.ts'

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

test('a virtual machine comes up, and its cells start, once every other cell has its answer', async () => {
  const ids = ['api', 'site']
  const image = (id: string) => ({ kind: 'image', reference: id }) as const
  const rows = ids.map((id) => stackRow({ id, base: id, image: image(id), command: ['serve'] }))
  const environments = [
    environmentOf({ id: 'machine', engine: { kind: 'provision', spec: vm } }),
    environmentOf({ id: 'qa' }),
    environmentOf({ id: 'shop' }),
  ]
  const project = { root: '/', id: 'p', rows, environments, exclusions: [], bases: {}, registry: null }
  const plan = makePlan(project as unknown as Project, { chosen: () => true, unsupported: () => new Set() })
  const [builder, guest] = await Promise.all([engineWith(ids), engineWith(ids)])
  const seen: string[] = []
  await runPlan(plan, {
    builder,
    layers: new LayerStore('/nowhere'),
    verified: { verify: async (id: string) => id } as unknown as VerifiedImages,
    columnOf: async (environment) => {
      seen.push(`host ${environment}`)
      return [{ engine: environment === 'machine' ? guest : builder, onThisMachine: false }]
    },
    clock: systemClock,
    identity: { project: 'p', run: 'r', owner: 'o', deadlineAt: 0 },
    toolVersion: '0',
    emit: (event) => {
      if (event.type === 'cell-started' || event.type === 'cell-finished') seen.push(`${event.type} ${event.cell}`)
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
  const cellsOf = (...columns: readonly string[]) =>
    columns.flatMap((column) => ids.flatMap((id) => [`cell-started ${id}@${column}`, `cell-finished ${id}@${column}`]))
  const up = seen.indexOf('host machine')
  expect(seen.slice(0, up).toSorted()).toEqual(['host qa', 'host shop', ...cellsOf('qa', 'shop')].toSorted())
  expect(seen.slice(up + 1).toSorted()).toEqual(cellsOf('machine').toSorted())
})
