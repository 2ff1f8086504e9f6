/** Images on their way to other engines: what is there already is not sent, and what breaks is sent again. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectDocker, type DockerEngine } from '../../src/engines/docker-api/connect.ts'
import type { Engine, ImageFacts, Images } from '../../src/engines/engine.ts'
import { Distribution } from '../../src/images/distribution.ts'
import { LayerStore } from '../../src/images/layer-store.ts'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { testEngine } from '../support/engine.ts'
import { hostEngine, stopHost } from '../support/hosts.ts'
import { startSshServer } from '../support/ssh-server.ts'

const signal = new AbortController().signal
const mebibyte = 1024 ** 2
const spec = { kind: 'nested', engine: 'docker', release: 'bullseye', rootless: false } as const
const made: string[] = []

let local: Engine
let nested: Engine
let folder: string
beforeAll(async () => {
  local = await testEngine()
  nested = await hostEngine(spec)
  folder = mkdtempSync(join(tmpdir(), 'matrix-layers-'))
})
afterAll(async () => {
  for (const engine of [nested, local])
    for (const id of made) await engine?.images.remove(id, { signal }).catch(() => {})
  rmSync(folder, { recursive: true, force: true })
  await nested?.[Symbol.asyncDispose]()
  await local?.[Symbol.asyncDispose]()
  await stopHost(spec)
})

/** An image of as many layers as sizes, each of bytes that no other image has. */
async function imageOf(parts: readonly Buffer[]): Promise<string> {
  const context = pack()
  for (const [index, part] of parts.entries()) context.entry({ name: `part-${index}` }, part)
  const copies = parts.map((_, index) => `COPY part-${index} /part-${index}`)
  context.entry({ name: 'Dockerfile' }, ['FROM scratch', ...copies, 'CMD ["/none"]'].join('\n'))
  context.finalize()
  const tag = `matrix-test/distribution:${made.length}`
  const { image } = await local.images.build(
    { context: Readable.from(context), dockerfile: 'Dockerfile', args: {}, tag, labels: {} },
    { signal },
  )
  made.push(image.id)
  return image.id
}

function distribution(
  onProgress: (text: string) => void = () => {},
  { builder = local, clock = systemClock }: { readonly builder?: Engine; readonly clock?: Clock } = {},
) {
  const here = { concurrency: 2, busy: () => ({ [Symbol.dispose]: () => {} }) }
  return new Distribution({ builder, store: new LayerStore(folder), clock, signal, onProgress, ...here })
}

test('only the layers that are missing are sent, and nothing to an engine that has the image', async () => {
  const common = randomBytes(4 * mebibyte)
  const first = await imageOf([common])
  const second = await imageOf([common, randomBytes(mebibyte)])
  const sent = distribution()
  const { bytes: whole } = await sent.deliver(nested, { id: first, name: 'matrix-test/first:latest' })
  expect(whole).toBeGreaterThan(4 * mebibyte)
  const { bytes: rest } = await sent.deliver(nested, { id: second, name: 'matrix-test/second:latest' })
  expect(rest).toBeGreaterThan(mebibyte)
  expect(rest).toBeLessThan(2 * mebibyte)
  expect(sent.bytes).toBe(whole + rest)
  expect((await nested.images.inspect(second, { signal }))?.layers).toHaveLength(2)
  // Another run knows of this one only by what the engine holds.
  const later = distribution()
  expect(await later.deliver(nested, { id: second, name: 'matrix-test/second:latest' })).toEqual({
    how: 'present',
    bytes: 0,
  })
  expect(later.bytes).toBe(0)
})

test('an image whose connection breaks on the way is sent again, and is whole', async () => {
  const id = await imageOf([randomBytes(8 * mebibyte)])
  await using server = await startSshServer()
  await using behind = connectDocker(server.endpoint(nested.endpoint.slice('unix://'.length)), { ssh: server.access })
  const told: string[] = []
  await distribution((text) => told.push(text)).deliver(
    cutOnce(behind, () => server.cut()),
    { id, name: 'matrix-test/broken:latest' },
  )
  expect(told).toEqual([
    expect.stringMatching(/^matrix-test\/broken:latest: the connection to ssh:.* broke; sending it again$/),
  ])
  expect(await nested.images.inspect(id, { signal })).toMatchObject({ id })
})

test('who waits is told how much of an image is on its way', async () => {
  const id = await imageOf([randomBytes(2_000_000)])
  let now = 0
  const clock: Clock = { ...systemClock, now: () => (now += 11_000) }
  const told: string[] = []
  await distribution((text) => told.push(text), { clock }).deliver(nested, { id, name: 'matrix-test/slow:latest' })
  const what = `sending matrix-test/slow:latest to ${nested.endpoint}:`
  expect([told[0], told.at(-1)]).toEqual([`${what} 0.0 of 2.0 MB`, `${what} 2.0 of 2.0 MB`])
})

test('to engines of this machine as many images are sent at a time as it is told, and no more', async () => {
  const id = await imageOf([randomBytes(1000)])
  let under = 0
  let most = 0
  const receivers = [1, 2, 3, 4].map(() => {
    let loaded = false
    return changing(nested, (images) => ({
      inspect: async (reference, options) =>
        reference === id && !loaded ? null : await images.inspect(reference, options),
      async load(archive, options) {
        most = Math.max(most, ++under)
        await systemClock.sleep(20, signal)
        await images.load(archive, options)
        loaded = true
        under -= 1
      },
    }))
  })
  const sent = distribution()
  const image = { id, name: 'matrix-test/several:latest' }
  const deliveries = await Promise.all(receivers.map((engine) => sent.deliver(engine, image)))
  expect(deliveries.map(({ how }) => how)).toEqual(['sent', 'sent', 'sent', 'sent'])
  expect(most).toBe(2)
})

describe('an image is verified after its arrival', () => {
  const strange = `sha256:${'f'.repeat(64)}`

  const others = 'holds other layers under ID than were sent'

  test.each<readonly [string, (facts: ImageFacts) => ImageFacts | null, string]>([
    ['is not there', () => null, 'took the archive of ID and has no such image'],
    ['lacks a layer', (facts) => ({ ...facts, layers: facts.layers.slice(1) }), others],
    ['has its layers in another order', (facts) => ({ ...facts, layers: facts.layers.toReversed() }), others],
    ['has another id', (facts) => ({ ...facts, id: strange }), others],
  ])('and refused where it %s', async (_, told, message) => {
    const id = await imageOf([randomBytes(1000), randomBytes(1000)])
    const liar = changing(nested, (images) => ({
      async inspect(reference, options) {
        const facts = await images.inspect(reference, options)
        return facts?.id === id ? told(facts) : facts
      },
    }))
    const sent = distribution()
    // The next cell that wants it is not told that it is there.
    for (const _ of ['first', 'next']) {
      await expect(sent.deliver(liar, { id, name: 'matrix-test/strange:latest' })).rejects.toMatchObject({
        name: 'EngineError',
        code: 'failed',
        message: `${nested.endpoint} ${message.replace('ID', id)}`,
      })
    }
    expect(sent.bytes).toBe(0)
  })

  test.each<readonly [string, (facts: ImageFacts) => ImageFacts]>([
    ['another id', (facts) => ({ ...facts, id: strange })],
    ['other layers', (facts) => ({ ...facts, layers: [...facts.layers, strange] })],
  ])('and sent where a registry gave one of %s', async (_, given) => {
    const id = await imageOf([randomBytes(1000)])
    const builder = changing(local, () => ({ push: async () => ({ digest: strange }) }))
    const facts = (await local.images.inspect(id, { signal })) as ImageFacts
    const deceived = changing(nested, () => ({ pull: async () => given(facts) }))
    const told: string[] = []
    const sent = distribution((text) => told.push(text), { builder })
    const image = { id, name: 'matrix-test/given:latest' }
    expect(await sent.deliver(deceived, image, { address: 'registry.example/team' })).toMatchObject({ how: 'sent' })
    expect(told.at(-1)).toBe(
      `registry.example/team gave ${nested.endpoint} another image than ${image.name}; sending it`,
    )
    expect(sent.fetched).toBe(0)
    expect(await nested.images.inspect(id, { signal })).toMatchObject({ id, layers: facts.layers })
  })
})

/** The engine, of which some of what it does with images is done otherwise. */
function changing(engine: Engine, change: (images: Images) => Partial<Images>): Engine {
  const changed: Engine = {
    ...engine,
    hosts: async () => [{ name: null, engine: changed }],
    images: { ...engine.images, ...change(engine.images) },
  }
  return changed
}

/** The engine, of which the connection is cut in the middle of the first archive that it is sent. */
function cutOnce(engine: DockerEngine, cut: () => Promise<void>): Engine {
  let first = true
  const broken: Engine = {
    ...engine,
    hosts: async () => [{ name: null, engine: broken }],
    images: {
      ...engine.images,
      load(archive, options) {
        if (!first) return engine.images.load(archive, options)
        first = false
        let passed = 0
        const gate = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            const before = passed
            passed += chunk.length
            if (before < mebibyte && passed >= mebibyte) cut().then(() => done(null, chunk), done)
            else done(null, chunk)
          },
        })
        return engine.images.load(archive.pipe(gate), options)
      },
    },
  }
  return broken
}
