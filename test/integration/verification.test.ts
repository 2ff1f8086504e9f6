/** Declared constraints are read back from inside; what an engine drops in silence is seen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ContainerSpec, Engine, NetworkSpec } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { succeeds, trials } from '../../src/run/verify/seccomp.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { readBackEnvironment } from '../support/environments.ts'
import { runLyingCell } from '../support/lying-engine.ts'
import { type CheckedRun, check, matrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const scratch = 'size=8m,mode=1770,uid=1000650000,exec'

const forbids = (...calls: readonly string[]) =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: calls, action: 'SCMP_ACT_ERRNO' }] })
const profiled = 'constraints: { security_opt: ["seccomp:./profile.json"] }'

const files = {
  ...environment('profiled', profiled),
  'environments/profile.json': forbids('mkdir', 'mkdirat'),
  ...environment('strict', readBackEnvironment({ tmpfs: `{ /scratch: "${scratch}" }`, dns: '[192.0.2.53]' })),
  ...environment('plain', 'constraints: { environment: { A: "1" } }'),
  ...environment('requiring', 'constraints: { pids_limit: 64, cpus: 0.5 }\nrequired: [pids_limit]'),
  ...serverStack('server'),
  'stacks/scratch/Dockerfile': 'FROM debian:bookworm-slim\n',
  'stacks/scratch/stack.yaml': `build: { context: . }
command: [perl, -e, '$SIG{TERM} = sub { exit }; sleep']
service: { cap_add: [NET_ADMIN] }
checks: [{ name: it is there, exec: { command: [hostname] } }]
`,
}

let verified: TestProject
let run: CheckedRun
let engine: Engine
beforeAll(async () => {
  verified = project(files)
  engine = await testEngine()
  run = await check(verified.root)
})
afterAll(async () => {
  verified?.[Symbol.dispose]()
  await engine?.[Symbol.asyncDispose]()
})

describe('a cell', () => {
  test('is green under all of them at once', () => {
    expect(run.exitCode).toBe(0)
    expect(run.run.cells.map((cell) => [cell.id, cell.outcome])).toEqual(run.run.cells.map((cell) => [cell.id, 'pass']))
  })

  test.each([
    ['mem_limit', 96 * 1024 ** 2],
    ['cpus', 0.5],
    ['pids_limit', 64],
    ['read_only', true],
    ['user', '1000650000:0'],
    ['cap_drop:ALL', true],
    ['ulimits:nofile', { soft: 128, hard: 256 }],
    ['sysctls:net.ipv4.ip_unprivileged_port_start', '1024'],
    ['hostname', 'crate'],
    ['tmpfs:/scratch', scratch],
    ['extra_hosts:supplier', '192.0.2.7'],
    ['environment:TZ', 'Asia/Tokyo'],
    ['network.egress', 'none'],
  ])('reads %s back from inside', (key, value) => {
    const record = run.cell('server@strict').constraints.find((one) => one.key === key)
    expect(record).toMatchObject({ key, value, provenance: 'enforced', agrees: true })
    expect(record?.observed).not.toBeNull()
  })

  test('sees that an open network is open', () => {
    expect(run.cell('server@plain').constraints.find((one) => one.key === 'network.egress')).toMatchObject({
      value: 'open',
      observed: 'open',
      provenance: 'enforced',
      agrees: true,
    })
  })

  test('has the engine’s word for a profile of system calls', () => {
    const record = run.cell('server@profiled').constraints.find(({ key }) => key === 'security_opt:seccomp')
    expect(record).toMatchObject({ provenance: 'asserted', observed: 'filter', agrees: null })
  })

  test('tells that a capability that was asked for was refused', () => {
    expect(run.cell('scratch@strict').findings).toEqual([
      expect.objectContaining({ message: expect.stringContaining('NET_ADMIN') }),
    ])
  })
})

const without = (key: string) => (spec: ContainerSpec) =>
  spec.labels['matrix.role'] === 'workload'
    ? {
        ...spec,
        constraints: Object.fromEntries(Object.entries(spec.constraints).filter(([name]) => name !== key)),
      }
    : spec

const withOptions = (options: string) => (spec: ContainerSpec) => ({
  ...spec,
  constraints: { ...spec.constraints, ...(spec.constraints.tmpfs ? { tmpfs: { '/scratch': options } } : {}) },
})
const withoutVariable =
  (name: string) =>
  ({ environment, ...spec }: ContainerSpec): ContainerSpec => {
    const { [name]: _, ...rest } = environment
    return { ...spec, environment: rest }
  }

describe('an engine that drops', () => {
  test.each([
    ['read_only', { container: without('read_only') }, 'read_only'],
    ['mem_limit', { container: without('mem_limit') }, 'mem_limit'],
    ['pids_limit', { container: without('pids_limit') }, 'pids_limit'],
    ['user', { container: without('user') }, 'user'],
    ['cap_drop', { container: without('cap_drop') }, 'cap_drop:ALL'],
    ['no-new-privileges', { container: without('security_opt') }, 'security_opt:no-new-privileges'],
    ['sysctls', { container: without('sysctls') }, 'sysctls:net.ipv4.ip_unprivileged_port_start'],
    ['tmpfs', { container: without('tmpfs') }, 'tmpfs:/scratch'],
    ['mode of a tmpfs', { container: withOptions('size=8m,uid=1000650000,exec') }, 'tmpfs:/scratch'],
    ['exec of a tmpfs', { container: withOptions('size=8m,mode=1770,uid=1000650000') }, 'tmpfs:/scratch'],
    ['owner of a tmpfs', { container: withOptions('size=8m,mode=1770,exec') }, 'tmpfs:/scratch'],
    ['environment', { container: withoutVariable('TZ') }, 'environment:TZ'],
    ['ulimits', { container: without('ulimits') }, 'ulimits:nofile'],
    ['egress: none', { network: (spec: NetworkSpec) => ({ ...spec, internal: false }) }, 'network.egress'],
  ] as const)('%s gives error, whatever the checks say', async (_, drop, atom) => {
    const cell = { root: verified.root, row: 'server', environment: 'strict', drop }
    const events = await runLyingCell(engine, cell)
    const finished = events.find((event) => event.type === 'cell-finished')
    expect(finished).toMatchObject({ outcome: 'error', stage: 'constraints', reason: 'not-in-force' })
    expect(finished).toMatchObject({ message: expect.stringContaining(atom) })
    expect(await leftovers(engine, verified.root)).toEqual([])
  })
})

describe('an engine that says of itself that it does not enforce', () => {
  test('what the environment requires gives error, and nothing is started', async () => {
    const drop = { unenforced: ['pids_limit'] }
    const events = await runLyingCell(engine, { root: verified.root, row: 'server', environment: 'requiring', drop })
    expect(events.find((event) => event.type === 'cell-finished')).toMatchObject({
      outcome: 'error',
      stage: 'constraints',
      reason: 'not-enforced',
      message: expect.stringContaining('requiring requires pids_limit'),
    })
    expect(events.filter(({ type }) => type === 'cell-started')).toEqual([])
    expect(await leftovers(engine, verified.root)).toEqual([])
  })

  test('what it does not require is not asked of it, and told', async () => {
    const drop = { unenforced: ['cpus'] }
    const events = await runLyingCell(engine, { root: verified.root, row: 'server', environment: 'requiring', drop })
    expect(events.find((event) => event.type === 'cell-finished')).toMatchObject({ outcome: 'pass' })
    const told = events.flatMap((event) => (event.type === 'cell-constraints' ? event.constraints : []))
    expect(told.find(({ key }) => key === 'cpus')).toMatchObject({ provenance: 'unsupported', agrees: null })
  })
})

describe('an engine that puts its own profile of system calls in place of the declared one', () => {
  test('gives error, though there is a filter', async () => {
    const container = ({ constraints: { security_opt: _, ...constraints }, ...spec }: ContainerSpec) => ({
      ...spec,
      constraints,
    })
    const cell = { root: verified.root, row: 'server', environment: 'profiled', drop: { container } }
    const events = await runLyingCell(engine, cell)
    expect(events.find((event) => event.type === 'cell-finished')).toMatchObject({
      outcome: 'error',
      reason: 'not-in-force',
      message: expect.stringContaining('a filter that allows mkdir'),
    })
    expect(await leftovers(engine, verified.root)).toEqual([])
  })

  test.each(trials.map(({ calls, command }) => [calls[0], calls, command] as const))(
    'is found out by %s, which fails under a profile that forbids it and not otherwise',
    async (_, calls, command) => {
      const signal = new AbortController().signal
      const image = await ensureHelperImage(engine, { signal })
      const option = { text: 'seccomp:./profile.json', profile: forbids(...calls) }
      const trial = { command, image, network: { kind: 'none' }, labels: {}, signal } as const
      expect(await succeeds(engine, { ...trial, options: [option] })).toBe(false)
      expect(await succeeds(engine, { ...trial, options: [] })).toBe(true)
    },
  )
})

test('what is required and declared by nobody gives error, and the plan says so', async () => {
  using made = project({
    ...environment('wanting', 'constraints: { read_only: true }\nrequired: [read_only, mem_limit, pids_limit]'),
    ...serverStack('server', { yaml: 'service: { mem_limit: 64m }' }),
  })
  const { cell } = await check(made.root, '--no-rerun')
  expect(cell('server@wanting')).toMatchObject({
    ...{ outcome: 'error', stage: 'constraints', reason: 'not-in-force', phases: [] },
    message: 'wanting requires pids_limit, which neither it nor server declares',
  })
  const { stdout } = await matrix(['list'], { cwd: made.root })
  expect(stdout).toContain('wanting: it requires pids_limit, which nobody declares for server: an error')
})
