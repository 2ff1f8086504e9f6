/** A run of two stacks on engines that exist in memory alone. */
import { Readable } from 'node:stream'
import type { Engine } from '../../src/engines/engine.ts'
import { createFakeEngine } from '../../src/engines/fake/fake-engine.ts'
import { LayerStore } from '../../src/images/layer-store.ts'
import type { VerifiedImages } from '../../src/images/verified.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Environment, Project } from '../../src/model/project.ts'
import { makePlan } from '../../src/plan/plan.ts'
import type { Column } from '../../src/run/columns.ts'
import { runPlan } from '../../src/run/run.ts'
import { environmentOf, stackRow } from './declared.ts'

const { signal } = new AbortController()
const sleeps = { exitCode: null, onStop: 0 }

/** One with the same images as another is sent none. */
export async function engineWith(images: readonly string[] = ids) {
  const engine = createFakeEngine({ serve: sleeps, '/bin/busybox sleep 86400': sleeps })
  for (const reference of [...images, 'matrix-helper:busybox']) {
    await engine.images.importRoot(Readable.from([reference]), { reference, signal })
  }
  return engine
}

export const ids = ['api', 'site']

/**
 * What happens of two stacks in these environments.
 * @param engineOf may look at what did, and add to it
 * @param options.unsupported what no engine is expected to enforce
 */
export async function happens(
  columns: readonly (Partial<Environment> & { readonly id: string })[],
  engineOf: (environment: string, seen: string[]) => Promise<Omit<Column, 'onThisMachine'>>,
  options: { readonly builder?: Engine; readonly unsupported?: readonly string[] } = {},
): Promise<readonly string[]> {
  const image = (id: string) => ({ kind: 'image', reference: id }) as const
  const rows = ids.map((id) => stackRow({ id, base: id, image: image(id), command: ['serve'] }))
  const environments = columns.map((column) => environmentOf(column))
  const project = { root: '/', id: 'p', rows, environments, exclusions: [], bases: {}, registry: null }
  const plan = makePlan(project as unknown as Project, {
    chosen: () => true,
    unsupported: () => new Set(options.unsupported),
  })
  const seen: string[] = []
  const say = (text: string) => void seen.push(text)
  await runPlan(plan, {
    builder: options.builder ?? (await engineWith()),
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
