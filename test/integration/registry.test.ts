/** Images that reach their engines through a registry: by digest, verified, and sent where it cannot be used. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { Distribution } from '../../src/images/distribution.ts'
import type { UsedRegistry } from '../../src/images/handover.ts'
import { LayerStore } from '../../src/images/layer-store.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { HostSpec } from '../../src/model/project.ts'
import type { PhaseRecord } from '../../src/model/run-record.ts'
import { testEngine } from '../support/engine.ts'
import { askFor, hostEngine, nestedHosts, stopHost } from '../support/hosts.ts'
import { check, matrix, troubleOf } from '../support/matrix.ts'
import { bases, environment, project, serverStack } from '../support/project.ts'
import { startRegistry, trustHere } from '../support/registry.ts'

const signal = new AbortController().signal
const password = 'let-me-in-4711'
const made: string[] = []

let local: Engine
let registry: TrustedRegistry
let folder: string
beforeAll(async () => {
  local = await testEngine()
  registry = await registryOn('bridge')
  folder = mkdtempSync(join(tmpdir(), 'matrix-layers-'))
})
afterAll(async () => {
  for (const id of made) await local.images.remove(id, { signal }).catch(() => {})
  await registry?.[Symbol.asyncDispose]()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  await local?.[Symbol.asyncDispose]()
})

interface TrustedRegistry extends AsyncDisposable {
  readonly server: string
  readonly asked: readonly string[]
  readonly certificates: string
}

/** For the containers on a network; the first address of a bridge is the machine's own. */
async function registryOn(network: string): Promise<TrustedRegistry> {
  const [subnet = ''] = await local.networks.subnets(network, { signal })
  const started = await startRegistry(subnet.replace(/\.0\/\d+$/, '.1'), { login: `ci:${password}` })
  const trusted = trustHere(started)
  const { server, asked } = started
  return {
    server,
    asked,
    certificates: readFileSync(started.authority, 'utf8'),
    async [Symbol.asyncDispose]() {
      trusted[Symbol.dispose]()
      await started[Symbol.asyncDispose]()
    },
  }
}

/** Reached from a host of this kind: the machines of a cluster are on a network of their own. */
async function registryFor(spec: HostSpec): Promise<TrustedRegistry> {
  if (spec.kind !== 'swarm') return { ...registry, [Symbol.asyncDispose]: async () => {} }
  await using cluster = await hostEngine(spec)
  await cluster.facts({ signal })
  const labels = { 'matrix.project': projectIdOf((await askFor(spec)).root), 'matrix.host': '' }
  const [network] = await local.list('network', labels, { signal })
  return registryOn(network?.id ?? '')
}

const used = ({ server }: TrustedRegistry, given = password): UsedRegistry => ({
  address: `${server}/team`,
  login: { server, username: 'ci', password: given },
})

async function newImage(name: string): Promise<{ readonly id: string; readonly name: string }> {
  const context = pack()
  context.entry({ name: 'part' }, randomBytes(100_000))
  context.entry({ name: 'Dockerfile' }, 'FROM scratch\nCOPY part /part\nCMD ["/none"]\n')
  context.finalize()
  const tag = `matrix-test/${name}:latest`
  const request = { context: Readable.from(context), dockerfile: 'Dockerfile', args: {}, tag, labels: {} }
  const { image } = await local.images.build(request, { signal })
  made.push(image.id)
  return { id: image.id, name: tag }
}

function distribution() {
  const told: string[] = []
  const onProgress = (text: string) => void told.push(text)
  const sent = new Distribution({
    builder: local,
    store: new LayerStore(folder),
    clock: systemClock,
    signal,
    onProgress,
    concurrency: 2,
    busy: () => ({ [Symbol.dispose]: () => {} }),
  })
  return { sent, told }
}

const kinds = [
  ...['nested Docker 20.10.5', 'nested rootless Docker 26.1', 'nested rootless Podman 5.4'],
  'Swarm of three nested Docker 26.1',
]

test.each(kinds)('%s takes an image that was given once, by digest, and has the same', async (kind) => {
  const spec = nestedHosts[kind] as HostSpec
  await using own = await registryFor(spec)
  const asked = (pattern: RegExp) => own.asked.filter((one) => pattern.test(one))
  await using engine = await hostEngine(spec, { authorities: [own] })
  const name = kind.toLowerCase().replaceAll(/[^a-z\d]+/g, '-')
  const image = await newImage(name)
  const { sent, told } = distribution()
  const delivery = await sent.deliver(engine, image, used(own))
  expect({ delivery, told: told.filter((text) => /cannot|another/.test(text)) }).toEqual({
    delivery: { how: 'fetched', bytes: 0 },
    told: [],
  })
  const machines = await engine.hosts({ signal })
  expect(sent.fetched).toBe(machines.length)
  for (const machine of machines) {
    const here = await machine.engine.images.inspect(image.id, { signal })
    expect(here).toMatchObject({ id: image.id, layers: (await local.images.inspect(image.id, { signal }))?.layers })
  }
  expect(asked(new RegExp(`^PUT /v2/team/matrix-test/${name}/manifests/`))).toHaveLength(1)
  expect(asked(new RegExp(`^GET /v2/team/matrix-test/${name}/manifests/sha256:`)).length).toBeGreaterThan(0)
  // Of the builder's it is no name.
  expect(await local.images.inspect(`${own.server}/team/${image.name}`, { signal })).toBeNull()
  expect(await distribution().sent.deliver(engine, image, used(own))).toEqual({ how: 'present', bytes: 0 })
  await engine.images.remove(image.id, { signal })
  await stopHost(spec)
})

test('what a registry does not take or an engine does not trust is sent, and said once', async () => {
  const spec = nestedHosts['nested Docker 20.10.5'] as HostSpec
  await using engine = await hostEngine(spec, { authorities: [] })
  const [one, other, third] = [await newImage('one'), await newImage('other'), await newImage('third')]
  const wrong = distribution()
  expect(await wrong.sent.deliver(engine, one, used(registry, 'not-this'))).toMatchObject({ how: 'sent' })
  expect(await wrong.sent.deliver(engine, other, used(registry, 'not-this'))).toMatchObject({ how: 'sent' })
  expect(wrong.told.filter((text) => text.includes('images are sent'))).toEqual([
    expect.stringMatching(/^matrix-test\/one:latest cannot be given to [\d.:]+\/team, so images are sent: /),
  ])
  expect(wrong.told.join()).not.toContain('not-this')
  const strange = distribution()
  expect(await strange.sent.deliver(engine, third, used(registry))).toMatchObject({ how: 'sent' })
  expect(strange.told).toEqual([
    expect.stringMatching(/^giving matrix-test\/third:latest to /),
    expect.stringMatching(/ takes matrix-test\/third:latest from /),
    expect.stringMatching(
      / cannot take matrix-test\/third:latest from [\d.:]+\/team, so images are sent: .*(x509|certificate)/,
    ),
  ])
  await stopHost(spec)
})

test('doctor says whether it answers, whether it is trusted, and whether it wants a login', async () => {
  await using strange = await startRegistry('127.0.0.1')
  using there = project({
    'matrix.yaml': `${bases}secrets: { registry: { file: password } }
registry:
  address: ${registry.server}/team
  login: { username: ci, password: { secret: registry } }
`,
    'ca.pem': readFileSync(strange.authority, 'utf8'),
    ...serverStack('web'),
    ...environment('known', `registry: { address: ${strange.server}/known, authority: ca.pem }`),
    ...environment('shut', `registry: ${registry.server}/shut`),
    ...environment('strange', `registry: ${strange.server}/strange`),
    ...environment('gone', 'registry: 127.0.0.1:9/gone'),
  })
  const { stdout } = await matrix(['doctor', '--json'], { cwd: there.root })
  const found = (JSON.parse(stdout) as { name: string; state: string; value: string }[]).flatMap((one) =>
    one.name === 'registry' && !one.value.startsWith('Docker Hub') ? [`${one.state}: ${one.value}`] : [],
  )
  expect(found).toEqual([
    `ok: ${registry.server}/team answers`,
    'note: 127.0.0.1:9/gone: connect ECONNREFUSED 127.0.0.1:9; images are sent without it',
    `ok: ${strange.server}/known answers`,
    `note: ${registry.server}/shut answers, and asks for a login; images are sent without it`,
    expect.stringMatching(/^note: 127\.0\.0\.1:\d+\/strange: .*certificate.*; images are sent without it$/),
  ])
})

test('a run hands its images over where the project or the environment says so, and the record tells it', async () => {
  const engineOf = (release: string) => `engine: { provision: { kind: nested, engine: docker, release: ${release} } }`
  using there = project({
    'matrix.yaml': `${bases}secrets: { registry: { file: password } }
registry:
  address: ${registry.server}/team
  login: { username: ci, password: { secret: registry } }
  authority: ca.pem
`,
    'ca.pem': registry.certificates,
    password: `${password}\n`,
    ...serverStack('web'),
    ...environment('there', engineOf('trixie')),
    ...environment('elsewhere', `${engineOf('bookworm')}\nregistry: 127.0.0.1:9/nobody`),
  })
  try {
    const run = await check(there.root)
    expect(troubleOf(run)).toEqual([])
    expect(run.run.timing.imagesFetched).toBe(1)
    expect(run.run.timing.bytesDistributed).toBeGreaterThan(0)
    expect(run.run.timing.distributeMs).toBeGreaterThan(0)
    const isDelivery = ({ name, durationMs }: PhaseRecord) => name === 'distribute' && durationMs > 0
    expect(run.run.cells.map(({ phases }) => phases.filter(isDelivery).length)).toEqual([1, 1])
    expect(run.stderr).toMatch(/:latest cannot be given to 127\.0\.0\.1:9\/nobody, so images are sent: /)
    const reports = join(there.root, 'reports')
    const files = readdirSync(reports, { recursive: true, encoding: 'utf8' }).map((path) => join(reports, path))
    const kept = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'utf8'))
    expect(kept.some((text) => text.includes('imagesFetched'))).toBe(true)
    expect([run.stderr, ...kept].filter((text) => text.includes(password))).toEqual([])
  } finally {
    await matrix(['env', 'down', '--purge', 'there', 'elsewhere'], { cwd: there.root })
  }
})
