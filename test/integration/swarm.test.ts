/** Cells on a cluster of three machines: across machines, under constraints, while a machine goes away, and after. */
import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { connectSwarm } from '../../src/engines/swarm/connect.ts'
import { hostFolder, hostName } from '../../src/hosts/host-place.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { clusterOf, machineOf, machinesOf, nodeContainer, swarmSpec, swarmYaml } from '../support/cluster.ts'
import { type Door, openDoor } from '../support/door.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { readBackEnvironment } from '../support/environments.ts'
import { type CheckedRun, check, matrix, startMatrix, troubleOf } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'
import { until } from '../support/until.ts'

const reach = `command: [perl, -MIO::Socket::INET, -e, 'exit(IO::Socket::INET->new("db:8080") ? 0 : 1)']`

const files = {
  ...environment('cluster', `${swarmYaml}\ncontract: { stays_up: 1s, stops_within: 5s }`),
  ...environment(
    'strict',
    `${swarmYaml}\n${readBackEnvironment({ memswap_limit: '128m', tmpfs: '{ /scratch: "size=8m,mode=1777", /mnt: "size=4m,exec" }' })}`,
  ),
  ...environment('plain'),
  ...serverStack('db', { yaml: 'service: { volumes: ["data:/data"] }' }),
  ...serverStack('api', {
    yaml: 'needs: [db]',
    checks: `  - { name: what it needs is reached, exec: { ${reach} } }
  - { name: a client beside it reaches that too, from: client, exec: { image: self, ${reach} } }
  - name: what it needs is reached after its restart
    steps: [{ restart: {}, on: db }, { exec: { ${reach} }, eventually: 20s }]
  - { name: its log is read, log: {}, expect: { lines: { contains: listening on 8080 } } }
`,
  }),
  ...serverStack('waiting', {
    yaml: 'needs: [db]\ncommand: [perl, -e, "$SIG{TERM} = sub { exit }; sleep 600"]',
    readiness: '{ http: { port: http }, deadline: 10m }',
  }),
}

const unhurried = { signal: new AbortController().signal }
let local: Engine
let cluster: Engine
let tested: TestProject
let first: CheckedRun
const started = new Set<ReturnType<typeof startMatrix>>()

beforeAll(async () => {
  local = await testEngine()
  tested = project(files)
  first = await check(tested.root, '--stack', 'db', '--stack', 'api')
  cluster = clusterOf(tested.root)
})
afterEach(() => {
  for (const process of started) process.kill('SIGKILL')
  started.clear()
})
afterAll(async () => {
  await matrix(['env', 'down', '--purge', 'cluster'], { cwd: tested.root })
  tested?.[Symbol.dispose]()
  await cluster?.[Symbol.asyncDispose]()
  await local?.[Symbol.asyncDispose]()
})

describe('a machine whose connection breaks while it goes on', () => {
  test('is heard again, and of what ended meanwhile too: nothing on it is lost', async () => {
    const [manager, ...workers] = machinesOf(tested.root)
    if (manager === undefined) throw new Error('the cluster has no machine')
    const doorOf = new Map<string, Door>()
    for (const { name, endpoint } of workers) doorOf.set(name, await openDoor(endpoint))
    await using through = connectSwarm([
      { name: manager.name, engine: connectDocker(manager.endpoint) },
      ...[...doorOf].map(([name, door]) => ({ name, engine: connectDocker(door.endpoint) })),
    ])
    const labels = { 'matrix.test': `swarm-${process.pid}` }
    const image = await ensureHelperImage(through, unhurried)
    const ids: string[] = []
    const stop = new AbortController()
    try {
      const events = await through.watch(labels, { signal: stop.signal })
      // On a machine each, so that two of them are behind a door.
      for (const machine of machinesOf(tested.root)) {
        const { id } = await through.containers.create(
          {
            name: `matrix-${labels['matrix.test']}-${machine.name}`,
            image,
            labels,
            entrypoint: ['/bin/busybox', 'sh', '-c', "trap 'exit 5' TERM; /bin/busybox sleep 1000 & wait"],
            environment: {},
            constraints: {},
            network: { kind: 'none' },
            volumes: [],
            apartFrom: ids,
          },
          unhurried,
        )
        await through.containers.start(id, unhurried)
        ids.push(id)
      }
      const behind: { readonly id: string; readonly machine: string }[] = []
      for (const id of ids) {
        const { node } = await through.containers.inspect(id, unhurried)
        if (node !== null && node !== manager.name) behind.push({ id, machine: node })
      }
      const [meanwhile, later] = behind
      if (meanwhile === undefined || later === undefined) throw new Error('the cluster put nothing on its workers')
      for (const door of doorOf.values()) door.hold()
      await cluster.containers.kill(meanwhile.id, { ...unhurried, killSignal: 'SIGKILL' })
      await until(async () => (await cluster.containers.inspect(meanwhile.id, unhurried)).status === 'exited')
      for (const door of doorOf.values()) door.open()
      await cluster.containers.stop(later.id, { ...unhurried, graceMs: 10_000 })
      const heard = new Map<string, unknown>()
      for await (const { action, container, exitCode } of events) {
        if (action === 'die' || action === 'lost') heard.set(container, [action, exitCode])
        if (heard.has(meanwhile.id) && heard.has(later.id)) break
      }
      expect(heard.get(meanwhile.id)).toEqual(['die', 137])
      expect(heard.get(later.id)).toEqual(['die', 5])
    } finally {
      stop.abort()
      for (const id of ids) await cluster.containers.remove(id, unhurried)
      for (const door of doorOf.values()) await door[Symbol.asyncDispose]()
    }
  })
})

const clusterStatus = async (): Promise<string> => (await matrix(['env', 'status'], { cwd: tested.root })).stdout

describe('a cell on a cluster', () => {
  test('is green there as on one machine', () => {
    expect(troubleOf(first)).toEqual([])
  })

  test('is of three machines, and says so', () => {
    const engineOf = (id: string) => first.run.environments.find((one) => one.id === id)?.engine
    expect(engineOf('cluster')).toMatchObject({ name: 'swarm', nodes: 3 })
    expect(engineOf('plain')).toMatchObject({ name: 'docker', nodes: 1 })
  })

  test('runs the very image that was built', () => {
    const ids = new Set(first.run.cells.filter(({ stack }) => stack === 'api').map((cell) => cell.image?.id))
    expect(ids.size).toBe(1)
  })

  test('crosses machines: what it needs is on another one', () => {
    const { placements } = first.cell('api@cluster')
    expect(placements.map(({ container }) => container)).toEqual(['db', 'api'])
    expect(placements.map(({ machine }) => machine)).toEqual([
      expect.stringMatching(/^node-\d$/),
      expect.stringMatching(/^node-\d$/),
    ])
    expect(new Set(placements.map(({ machine }) => machine)).size).toBe(2)
    expect(first.cell('api@plain').placements).toEqual([])
  })

  test.each([
    ['mem_limit', 'enforced'],
    ['cpus', 'enforced'],
    ['pids_limit', 'enforced'],
    ['shm_size', 'enforced'],
    ['read_only', 'enforced'],
    ['tmpfs:/scratch', 'enforced'],
    ['tmpfs:/mnt', 'enforced'],
    ['user', 'enforced'],
    ['cap_drop:ALL', 'enforced'],
    ['security_opt:no-new-privileges', 'enforced'],
    ['ulimits:nofile', 'enforced'],
    ['sysctls:net.ipv4.ip_unprivileged_port_start', 'enforced'],
    ['hostname', 'enforced'],
    ['extra_hosts:supplier', 'enforced'],
    ['network.egress', 'enforced'],
    ['memswap_limit', 'unsupported'],
  ])('has %s %s', (key, provenance) => {
    const record = first.cell('api@strict').constraints.find((one) => one.key === key)
    expect(record).toMatchObject({ provenance })
  })

  test('may reach out where nothing forbids it', () => {
    const egress = first.cell('api@cluster').constraints.find(({ key }) => key === 'network.egress')
    expect(egress).toMatchObject({ provenance: 'enforced', observed: 'open' })
  })

  test('leaves nothing on any machine', async () => {
    const label = { 'matrix.project': projectIdOf(tested.root) }
    for (const kind of ['container', 'network', 'volume'] as const) {
      expect(await cluster.list(kind, label, unhurried)).toEqual([])
    }
  })
})

/** A run of which one cell waits on the cluster; gives the machine of its workload once it runs there. */
async function waitingRun() {
  const process = startMatrix(['check', '--json', 'waiting@cluster', 'db@plain'], { cwd: tested.root })
  started.add(process)
  return { process, machine: await machineOf(cluster, 'waiting@cluster') }
}
const outcomesOf = (stdout: unknown) => {
  const run = JSON.parse(String(stdout)) as RunRecord
  return Object.fromEntries(
    run.cells.map(({ id, outcome, reason }) => [id, reason === null ? outcome : `${outcome}: ${reason}`]),
  )
}
const nothingLost = { 'db@plain': 'pass', 'waiting@cluster': 'error: node-lost' }

describe('a machine of a cluster', () => {
  test('that is drained under a cell makes it an error of that machine, and the next run takes it back', async () => {
    const { machine, process } = await waitingRun()
    const command = ['docker', 'node', 'update', '--availability', 'drain', hostnameOf(machine)]
    await local.containers.exec(nodeContainer(tested.root, 'node-1'), { command, maxBytes: 1000 }, unhurried)
    const { exitCode, stdout } = await process
    expect([exitCode, outcomesOf(stdout)]).toEqual([3, nothingLost])
    expect(await clusterStatus()).toMatch(/sick, .*was taken out of service/)
    expect(troubleOf(await check(tested.root, 'db@cluster'))).toEqual([])
    expect(await clusterStatus()).toContain('3 machines, all ready')
  })

  test('that goes away under a cell makes it an error of that machine, and the next run brings it back', async () => {
    const { machine, process } = await waitingRun()
    // Without its manager a cluster is lost as a whole.
    const expected = machine === 'node-1' ? 'error: engine-lost' : 'error: node-lost'
    await local.containers.kill(nodeContainer(tested.root, machine), { ...unhurried, killSignal: 'SIGKILL' })
    const { exitCode, stdout } = await process
    expect([exitCode, outcomesOf(stdout)]).toEqual([3, { ...nothingLost, 'waiting@cluster': expected }])
    expect(await clusterStatus()).toContain('sick')
    expect(troubleOf(await check(tested.root, 'api@cluster'))).toEqual([])
    expect(await clusterStatus()).toContain('3 machines, all ready')
  })

  test('that manages the cluster and is gone is brought back with the cluster', async () => {
    await local.containers.kill(nodeContainer(tested.root, 'node-1'), { ...unhurried, killSignal: 'SIGKILL' })
    expect(troubleOf(await check(tested.root, 'api@cluster'))).toEqual([])
    expect(await clusterStatus()).toContain('3 machines, all ready')
  })

  test('that does not hear where the others have their containers makes it an error of that machine', async () => {
    for (const machine of ['node-1', 'node-2', 'node-3']) {
      for (const protocol of ['tcp', 'udp']) {
        // Over this port the machines of a cluster tell each other of their containers, and nothing else.
        const command = ['iptables', '-I', 'INPUT', '-p', protocol, '--dport', '7946', '-j', 'DROP']
        const { exitCode } = await local.containers.exec(
          nodeContainer(tested.root, machine),
          { command, maxBytes: 1000 },
          unhurried,
        )
        expect(exitCode).toBe(0)
      }
    }
    const { exitCode, run, cell } = await check(tested.root, 'api@cluster')
    expect([exitCode, run.outcome, cell('api@cluster').reason]).toEqual([3, 'trouble', 'node-lost'])
    expect(cell('api@cluster').message).toMatch(/^node-\d has not heard of the container at [\d.]+ within 30 s/)
  })
})

const hostnameOf = (machine: string): string => `${hostName(swarmSpec)}-${machine.replace('node-', '')}`

describe('a cluster that is taken down', () => {
  test('leaves nothing: no container, network, volume or file', async () => {
    const { exitCode } = await matrix(['env', 'down', '--purge', 'cluster'], { cwd: tested.root })
    expect(exitCode).toBe(0)
    expect(await leftovers(local, tested.root)).toEqual([])
    expect(existsSync(hostFolder(process.env, projectIdOf(tested.root), hostName(swarmSpec)))).toBe(false)
  })
})
