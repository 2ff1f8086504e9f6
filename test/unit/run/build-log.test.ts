/** What a build prints is kept and shown without secrets. */
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadProject } from '../../../src/config/load.ts'
import { type BuildStepFailure, type Engine, EngineError } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { LayerStore } from '../../../src/images/layer-store.ts'
import { VerifiedImages } from '../../../src/images/verified.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { ownIdentity } from '../../../src/lib/owner.ts'
import { makePlan } from '../../../src/plan/plan.ts'
import { makeImages } from '../../../src/run/images.ts'
import { project } from '../../support/project.ts'

test('a build that fails tells no secret, and no password of an address', async () => {
  using made = project({
    'stacks/api/Dockerfile': 'FROM scratch\n',
    'stacks/api/stack.yaml': 'build: { context: . }\nchecks: [{ name: a, exec: { command: [x] } }]\n',
    'environments/qa.yaml': '{}\n',
  })
  const loaded = await loadProject(made.root, { env: {} })
  if (!loaded.ok) throw new Error('the project does not load')
  const plan = makePlan(loaded.project, { chosen: () => true, unsupported: () => new Set() })
  const said = 'RUN TOKEN=hunter2 fetch via http://me:pw@proxy.example:3128/x'
  const fake = createFakeEngine({})
  const failing: Engine = {
    ...fake,
    images: {
      ...fake.images,
      build: async ({ context }, { onProgress }) => {
        context.resume()
        await once(context, 'end')
        onProgress?.(said)
        const cause: BuildStepFailure = { step: said, exitCode: 1, log: `${said}\nhunter2\n` }
        throw new EngineError('build-step', `${said} ended with exit code 1`, { cause })
      },
    },
  }
  const told: unknown[] = []
  const images = makeImages(plan, {
    engine: failing,
    engineData: null,
    layers: new LayerStore(join(made.root, 'layers')),
    verified: new VerifiedImages(join(made.root, 'verified')),
    clock: systemClock,
    signal: new AbortController().signal,
    emit: (event) => told.push(event),
    progress: (progress) => told.push(progress),
    evidence: {
      put: async ({ name, mediaType, content }) => {
        told.push(content)
        return { name, mediaType, hash: '', sizeBytes: 0, cutBytes: 0 }
      },
    },
    identity: { project: 'p', run: 'r', owner: ownIdentity(), deadlineAt: 0 },
    mayBootstrap: false,
    redact: ['hunter2'],
    concurrency: 1,
    busy: () => ({ [Symbol.dispose]: () => {} }),
  })
  for (const image of images.values()) told.push(await image)
  const text = JSON.stringify(told)
  expect(text).not.toMatch(/hunter2|me:pw/)
  expect(text).toContain('RUN TOKEN=[secret] fetch via http://[secret]@proxy.example:3128/x')
  expect(told).toContainEqual(expect.objectContaining({ ok: false, reason: 'build-step' }))
})
