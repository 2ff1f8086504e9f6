/** What an environment says of its network is so inside: a proxy as the only way out, slow ways, packet sizes, IPv6. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContainerSpec, Engine, NetworkSpec } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { ensureProxyImage } from '../../src/images/proxy.ts'
import { proxyConfiguration } from '../../src/run/network/proxy.ts'
import type { SeenDelay } from '../../src/run/verify/network.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { runLyingCell } from '../support/lying-engine.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const labels = { 'matrix.test': randomBytes(6).toString('hex') }
const options = { signal: new AbortController().signal }

/** Fetches a URL by the proxy that it is told of, as any client does; without one, directly. */
const fetcher = `use strict; use warnings; use IO::Socket::INET;
my ($host, $port, $path) = $ARGV[0] =~ m{^http://([^:/]+):?(\\d*)(.*)$};
my ($via) = ($ENV{http_proxy} // '') =~ m{^http://(.+)$};
my $exempt = grep { $_ eq $host } split /,/, $ENV{no_proxy} // '';
my $peer = $via && !$exempt ? $via : "$host:" . ($port || 80);
my $socket = IO::Socket::INET->new(PeerAddr => $peer, Timeout => 5) or die "$peer: $!\\n";
print $socket 'GET ' . ($via && !$exempt ? $ARGV[0] : $path || '/') . " HTTP/1.0\\r\\nHost: $host\\r\\n\\r\\n";
print while <$socket>;
`

const files = (supplier: string, upstream: string) => ({
  ...environment('proxied', 'network: { egress: proxy }'),
  ...environment('chained', `network: { egress: proxy, proxy: "${upstream}" }`),
  ...environment('untold', 'network: { egress: proxy }\nconstraints: { environment: { http_proxy: "" } }'),
  ...environment('slow', 'network: { latency: 150ms }'),
  ...environment('small', 'network: { mtu: 1400, ipv6: on, latency: 20ms }'),
  ...environment('bare', 'network: { ipv6: no_address }'),
  ...serverStack('server', { yaml: 'environment: { PORT: "8080" }' }),
  ...client('client', reached),
  ...client(
    'roamer',
    `${reached}
  - name: the world is reached
    exec: { command: [perl, /fetch.pl, "${supplier}"] }
    timeout: 30s
    expect: { stdout: { contains: crates } }`,
  ),
})

const reached = `  - name: what it needs is reached by name
    exec: { command: [perl, /fetch.pl, "http://server:8080/hello"] }
    expect: { stdout: { contains: '{"path":"/hello"' } }
  - name: a port on which nothing listens is refused
    exec: { command: [perl, /fetch.pl, "http://server:9/"] }
    expect: { exit_code: { not: 0 } }`

const client = (id: string, checks: string) => ({
  ...serverStack(id, {
    yaml: 'needs: [server]',
    dockerfile: 'FROM debian:bookworm-slim\nCOPY server.pl fetch.pl /\nUSER nobody\nCMD ["perl", "/server.pl"]\n',
    checks,
  }),
  [`stacks/${id}/fetch.pl`]: fetcher,
})

let engine: Engine
let networks: TestProject
let run: CheckedRun
let upstream: string
let supplier: string

/** A container that an open network reaches; what it is on was made by this test's engine, and leads nowhere else. */
async function outside(spec: Pick<ContainerSpec, 'image' | 'command'> & Partial<ContainerSpec>) {
  const { id } = await engine.containers.create(
    {
      name: `matrix-test-${randomBytes(6).toString('hex')}`,
      labels,
      entrypoint: ['/bin/busybox'],
      environment: {},
      constraints: {},
      network: { kind: 'bridge' },
      volumes: [],
      ...spec,
    },
    options,
  )
  await engine.containers.start(id, options)
  const { addresses } = await engine.containers.inspect(id, options)
  return { id, address: addresses[0] ?? '' }
}

const proxyFor = (sources: readonly string[]) => ({
  environment: { CONFIG: proxyConfiguration({ upstream: null, sources }).replace('Notice', 'Connect') },
  command: ['sh', '-c', 'echo "$CONFIG" >/proxy.conf && exec /usr/bin/tinyproxy -d -c /proxy.conf'],
})

beforeAll(async () => {
  engine = await testEngine()
  // A connection that is closed with something unread is reset, and the reply with it.
  const reply = "printf 'HTTP/1.0 200 OK\\r\\n\\r\\ncrates\\n'"
  const world = await outside({
    image: await ensureHelperImage(engine, options),
    command: [
      'nc',
      '-ll',
      '-p',
      '80',
      '-e',
      '/bin/busybox',
      'sh',
      '-c',
      `while read -r line && [ \${#line} -gt 1 ]; do :; done; ${reply}`,
    ],
  })
  const further = await outside({
    image: await ensureProxyImage(engine, options),
    ...proxyFor(['0.0.0.0/0']),
  })
  upstream = further.id
  supplier = world.address
  networks = project(files(`http://${supplier}/`, `http://${further.address}:3128`))
  run = await check(networks.root, ...cells)
})
afterAll(async () => {
  for (const { id } of await engine.list('container', labels, options)) await engine.containers.remove(id, options)
  networks?.[Symbol.dispose]()
  await engine?.[Symbol.asyncDispose]()
})

const cells = [
  ...['proxied', 'chained', 'untold'].map((column) => `roamer@${column}`),
  ...['slow', 'small', 'bare'].map((column) => `client@${column}`),
  'server@slow',
]

const constraint = (cell: string, key: string) => run.cell(cell).constraints.find((one) => one.key === key)
const outcomeOf = (cell: string, name: string) => run.cell(cell).checks.find((one) => one.name === name)?.outcome

describe('egress: proxy', () => {
  test.each(['proxied', 'chained'])('a workload reaches out by the proxy, and only by it (%s)', (column) => {
    expect(run.cell(`roamer@${column}`)).toMatchObject({ outcome: 'pass', message: null })
    expect(constraint(`roamer@${column}`, 'network.egress')).toMatchObject({
      value: 'proxy',
      observed: 'proxy',
      provenance: 'emulated',
      agrees: true,
    })
  })

  test('a workload that is not told of it does not reach out, and still reaches what it needs', () => {
    expect(run.cell('roamer@untold')).toMatchObject({ outcome: 'fail', stage: 'check' })
    expect(outcomeOf('roamer@untold', 'the world is reached')).toBe('fail')
    expect(outcomeOf('roamer@untold', 'what it needs is reached by name')).toBe('pass')
  })

  test('a proxy that is named stands behind, and is what reaches the world', async () => {
    const { lines } = await engine.containers.logs(upstream, { ...options, maxBytes: 1 << 20 })
    const fetched = lines.filter(({ text }) => text.includes('Request') && text.includes('GET http://'))
    expect(fetched).toHaveLength(1)
    expect(constraint('roamer@chained', 'network.proxy')).toMatchObject({ provenance: 'asserted', agrees: null })
  })
})

test('a proxy serves the network that it is for, and refuses a neighbour on the network by which it reaches out', async () => {
  const name = `matrix-test-${randomBytes(6).toString('hex')}`
  const { id } = await engine.networks.create({ name, labels, internal: true }, options)
  try {
    const image = await ensureProxyImage(engine, options)
    const proxy = await outside({ image, ...proxyFor(await engine.networks.subnets(id, options)) })
    await engine.networks.connect(id, proxy.id, { ...options, aliases: ['proxy.matrix'] })
    const { addresses } = await engine.containers.inspect(proxy.id, options)
    const ask = async (address: string | undefined, network: ContainerSpec['network']) => {
      const request = `printf 'GET http://${supplier}/ HTTP/1.0\\r\\n\\r\\n' | nc -w 10 ${address} 3128; sleep 60`
      const asking = await outside({ image, command: ['sh', '-c', request], network })
      for await (const line of await engine.containers.followLogs(asking.id, options)) return line.text
      return null
    }
    const served: ContainerSpec['network'] = { kind: 'network', id, aliases: [] }
    expect(await ask(addresses.at(-1), served)).toMatch(/^HTTP\/1\.\d 200 /)
    expect(await ask(proxy.address, { kind: 'bridge' })).toMatch(/^HTTP\/1\.\d 403 /)
  } finally {
    for (const one of await engine.list('container', labels, options)) {
      const { addresses } = await engine.containers.inspect(one.id, options)
      if (one.id !== upstream && !addresses.includes(supplier)) await engine.containers.remove(one.id, options)
    }
    await engine.networks.remove(id, options)
  }
})

describe('latency', () => {
  test('lies between the workload and what it needs, and is seen from inside', () => {
    expect(run.cell('client@slow')).toMatchObject({ outcome: 'pass', message: null })
    const record = constraint('client@slow', 'network.latency')
    expect(record).toMatchObject({ value: 150, provenance: 'emulated', agrees: true })
    const seen = record?.observed as { readonly server: SeenDelay } | undefined
    expect(seen?.server.throughMs).toBeGreaterThanOrEqual(150)
    expect(seen?.server.directMs).not.toBeNull()
  })

  test('is nowhere where nothing is needed', () => {
    expect(constraint('server@slow', 'network.latency')).toBeUndefined()
    expect(run.cell('server@slow').findings).toMatchObject([{ code: 'not-applied' }])
  })
})

describe('mtu and ipv6', () => {
  test('are read back from inside', () => {
    expect(constraint('client@small', 'network.mtu')).toMatchObject({
      observed: 1400,
      provenance: 'enforced',
      agrees: true,
    })
    // Its name leads to the relay by both families.
    expect(constraint('client@small', 'network.latency')).toMatchObject({ provenance: 'emulated', agrees: true })
    const address = constraint('client@small', 'network.ipv6')
    expect(address).toMatchObject({ value: 'on', provenance: 'enforced', agrees: true })
    expect(address?.observed).toContainEqual(expect.stringMatching(/^fd/))
    expect(constraint('client@bare', 'network.ipv6')).toMatchObject({ value: 'no_address', observed: [], agrees: true })
  })
})

test('a run leaves nothing behind', async () => {
  expect(await leftovers(engine, networks.root)).toEqual([])
})

const named = (name: string, aliases: readonly string[]) => (spec: ContainerSpec) =>
  spec.network.kind === 'network' && spec.network.aliases.includes(name)
    ? { ...spec, network: { ...spec.network, aliases } }
    : spec
const withoutMtu = ({ mtu: _, ...spec }: NetworkSpec): NetworkSpec => spec
const withoutIpv6 = ({ ipv6Subnet: _, ...spec }: NetworkSpec): NetworkSpec => spec

describe('an engine that', () => {
  test.each([
    [
      'lets a network reach out',
      'proxied',
      { network: (spec: NetworkSpec) => ({ ...spec, internal: false }) },
      'network.egress',
    ],
    [
      'gives a need its name beside the relay',
      'slow',
      { container: named('server.direct', ['server.direct', 'server']) },
      'network.latency',
    ],
    ['drops the mtu', 'small', { network: withoutMtu }, 'network.mtu'],
    ['gives no IPv6', 'small', { network: withoutIpv6 }, 'network.ipv6'],
  ] as const)('%s gives error, whatever the checks say', async (_, column, drop, atom) => {
    const cell = { root: networks.root, row: 'client', environment: column, drop }
    const finished = (await runLyingCell(engine, cell)).find((event) => event.type === 'cell-finished')
    expect(finished).toMatchObject({ outcome: 'error', stage: 'constraints', reason: 'not-in-force' })
    expect(finished).toMatchObject({ message: expect.stringContaining(atom) })
    expect(await leftovers(engine, networks.root)).toEqual([])
  })
})
