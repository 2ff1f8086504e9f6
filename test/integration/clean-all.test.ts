/** `matrix clean --all` on a machine of its own: nothing of Matrix's is left, and the user's engine is as it was. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { pack } from 'tar-stream'
import { afterEach, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import { commandLineOf, processIds, sendSignal } from '../../src/lib/process-table.ts'
import { matrix } from '../support/matrix.ts'
import { filesBelow, giveImages, type OwnMachine, ownMachine } from '../support/own-machine.ts'
import { environment, project, serverStack } from '../support/project.ts'

const options = { signal: new AbortController().signal }
const machines: OwnMachine[] = []
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine[Symbol.asyncDispose]()
})
async function newMachine(): Promise<OwnMachine> {
  const machine = await ownMachine()
  machines.push(machine)
  return machine
}

const files = {
  ...serverStack('server', { yaml: 'service: { volumes: ["data:/data"] }' }),
  ...environment('here'),
  ...environment('nested', 'engine: { provision: { kind: nested, engine: docker, release: trixie } }'),
}

/** Of several machines, with a network and volumes of their own. */
const cluster = environment('cluster', 'engine: { provision: { kind: swarm, release: trixie, nodes: 2 } }')

/** The program in that machine, with its engine in the machine's folder. */
const ownMatrix =
  (machine: OwnMachine, root: string) =>
  (...args: readonly string[]) =>
    matrix(args, {
      cwd: root,
      env: { DOCKER_HOST: '', MATRIX_ENGINE_DIR: engineFolderOf(machine) },
      // Who enters other mounts is in the root folder then.
      within: [...machine.within, 'env', '--chdir', root],
    })

const engineFolderOf = ({ folder }: OwnMachine): string => join(folder, 'm')

/** Files that are a disk now. Source: the kernel's sysfs-block-loop. */
const loops = (): readonly string[] =>
  readdirSync('/sys/block')
    .map((name) => `/sys/block/${name}/loop/backing_file`)
    .flatMap((path) => (existsSync(path) ? [readFileSync(path, 'utf8')] : []))

/** Those of them that still run. */
const alive = (processes: ReadonlyMap<number, string>): readonly string[] =>
  [...processes].flatMap(([pid, words]) => (commandLineOf(pid)?.join(' ') === words ? [words] : []))

const saidIn = async ({ within }: OwnMachine, script: string): Promise<string> => {
  const [enter = '', ...words] = within
  return (await execa(enter, [...words, 'sh', '-c', script])).stdout
}
/** The firewall's, but for counters and times, and whether packets are forwarded. */
async function forwarding(machine: OwnMachine): Promise<readonly string[]> {
  const rules = async (program: string) =>
    (await saidIn(machine, `${program}-save`)).replace(/^#.*\n?/gm, '').replace(/ \[\d+:\d+\]/g, '')
  const forwarded = 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding'
  return [await rules('iptables'), await rules('ip6tables'), await saidIn(machine, forwarded)]
}

/** A container of the user's that runs, with a volume and a network, of an image of his own. */
async function usersThings(engine: Engine): Promise<void> {
  const root = pack()
  root.entry({ name: 'etc/users', mode: 0o644 }, 'his own')
  root.finalize()
  await engine.images.importRoot(root as unknown as Readable, { ...options, reference: 'users/empty:1' })
  const helper = await ensureHelperImage(engine, options)
  await engine.volumes.create({ name: 'users-data', labels: {} }, options)
  const network = await engine.networks.create({ name: 'users-net', labels: {}, internal: false }, options)
  const { id } = await engine.containers.create(
    {
      name: 'users-service',
      image: helper,
      labels: {},
      entrypoint: ['/bin/busybox', 'sh', '-c', 'echo mine > /data/file; while :; do /bin/busybox sleep 1; done'],
      environment: {},
      constraints: {},
      network: { kind: 'network', id: network.id, aliases: [] },
      volumes: [{ name: 'users-data', target: '/data' }],
    },
    options,
  )
  await engine.containers.start(id, options)
}

/** All that is in an engine; of a container also since when it runs. */
async function inventory(engine: Engine): Promise<readonly string[]> {
  const found: string[] = []
  for (const kind of ['container', 'network', 'volume', 'image'] as const) {
    for (const { id, name } of await engine.list(kind, {}, options)) {
      const since = kind === 'container' ? (await engine.containers.inspect(id, options)).startedAt : ''
      found.push(`${kind} ${name} ${id} ${since}`)
    }
  }
  return found.sort()
}

test('in an engine of the user’s, his own is as it was, and nothing beside it', async () => {
  const users = await newMachine()
  const { folder } = await newMachine()
  await using engine = await users.startEngine()
  await usersThings(engine)
  const [service] = await engine.list('container', {}, options)
  const state = async () => ({
    // The helper's image is in use by the user's container here, and stays for that.
    things: (await inventory(engine)).filter((line) => !line.startsWith('image matrix-helper')),
    devices: (await users.devices()).toSorted(),
    // An engine opens that one with the first container on its own network, and keeps it.
    mounts: (await users.mounts()).map((line) => line.split(' ')[4]).filter((at) => !at?.endsWith('/netns/default')),
    forwarding: await forwarding(users),
    loops: loops(),
  })
  const before = await state()
  const ofTheUser = users.processTree()
  await giveImages(engine, 'trixie')

  using tested = project({ ...files, ...cluster })
  const how = { cwd: tested.root, env: { DOCKER_HOST: engine.endpoint, MATRIX_ENGINE_DIR: join(folder, 'm') } }
  const checked = await matrix(['check'], how)
  expect(checked, checked.stderr).toMatchObject({ exitCode: 0 })
  expect(await engine.list('container', { 'matrix.role': 'host' }, options)).toHaveLength(3)
  const started = new Map([...users.processTree()].filter(([pid]) => !ofTheUser.has(pid)))
  expect([...started.values()].filter((line) => line.startsWith('dockerd '))).toHaveLength(3)
  const cleaned = await matrix(['clean', '--all'], how)
  expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })

  expect(await state()).toEqual(before)
  expect(alive(started)).toEqual([])
  expect(cleaned.stdout).toContain('kept image matrix-helper')
  const data = await engine.containers.readFile(service?.id ?? '', '/data/file', { ...options, maxBytes: 100 })
  expect(data?.content).toBe('mine\n')
  expect(filesBelow(join(folder, 'm'))).toEqual([])
})

test('of an engine of its own nothing is left: no process, mount, network device, loop device or file', async () => {
  const machine = await newMachine()
  const engineFolder = engineFolderOf(machine)
  using tested = project({ ...serverStack('server'), ...environment('here'), ...cluster })
  const own = ownMatrix(machine, tested.root)
  const loopsBefore = loops()

  expect(await own('env', 'up', '--no-hosts')).toMatchObject({ exitCode: 0 })
  await using engine = connectDocker(`unix://${join(engineFolder, 'run/docker.sock')}`)
  await giveImages(engine, 'trixie')
  const checked = await own('check')
  expect(checked, checked.stderr).toMatchObject({ exitCode: 0 })
  expect(machine.processes().join('\n')).toContain('dockerd')
  const started = machine.processTree()
  // Its own, and one on each machine of the cluster.
  expect([...started.values()].filter((line) => line.startsWith('dockerd '))).toHaveLength(3)
  expect(await machine.mounts()).not.toEqual([])
  await engine.networks.create({ name: 'somebody-s', labels: {}, internal: false }, options)
  expect((await machine.devices()).map((name) => name.replace(/^(br-|veth).*/, '$1')).toSorted()).toEqual([
    // Somebody's, the cluster's, and of each of its machines.
    ...['br-', 'br-', 'docker0', 'veth', 'veth'],
  ])
  const cleaned = await own('clean', '--all')
  expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })
  expect(machine.processes()).toEqual([])
  expect(alive(started)).toEqual([])
  expect(await machine.mounts()).toEqual([])
  expect(await machine.devices()).toEqual([])
  expect(loops()).toEqual(loopsBefore)
  expect(filesBelow(engineFolder)).toEqual([])
})

test('the firewall is as it was before an engine of its own, and so is whether packets are forwarded', async () => {
  const machine = await newMachine()
  using tested = project(files)
  const own = ownMatrix(machine, tested.root)
  const sh = (script: string) => saidIn(machine, script)
  const state = () => forwarding(machine)
  // Tables that nobody has asked for yet are not told.
  const ofAUser = ['-A INPUT -p tcp --dport 9 -j DROP', '-t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE']
  for (const rule of ofAUser) await sh(`iptables ${rule}; ip6tables ${rule.replace('192.0.2.0/24', '2001:db8::/32')}`)
  await sh('iptables -t raw -L; ip6tables -t raw -L; iptables -t mangle -L; ip6tables -t mangle -L')
  await sh('echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding')
  const before = await state()
  expect(before[0]).toContain('--dport 9')

  const up = async () => {
    const started = await own('env', 'up', '--no-hosts')
    expect(started, started.stderr).toMatchObject({ exitCode: 0 })
  }
  await up()
  const during = await state()
  expect(during[0]).toContain('DOCKER')
  expect(during[2]).toMatch(/^1/)
  for (const id of processIds()) {
    const [first = '', ...rest] = commandLineOf(id) ?? []
    if (first.endsWith('dockerd') && rest.some((word) => word.includes(machine.folder))) sendSignal(id, 'SIGKILL')
  }
  // What the one that was killed has left is no other's.
  await up()
  const cleaned = await own('clean', '--all')
  expect(cleaned, cleaned.stderr).toMatchObject({ exitCode: 0 })
  expect(await state()).toEqual(before)
  expect(filesBelow(engineFolderOf(machine))).toEqual([])
})

test('an engine that was killed leaves its containers to their shims, and those end with it too', async () => {
  const machine = await newMachine()
  const engineFolder = engineFolderOf(machine)
  using tested = project(files)
  const own = ownMatrix(machine, tested.root)
  expect(await own('env', 'up', '--no-hosts')).toMatchObject({ exitCode: 0 })
  await using engine = connectDocker(`unix://${join(engineFolder, 'run/docker.sock')}`)
  const name = `matrix-orphan-${process.pid}`
  const spec = { name, labels: {}, environment: {}, constraints: {}, volumes: [] }
  const entrypoint = ['/bin/busybox', 'sh', '-c', `: ${name}; while :; do /bin/busybox sleep 1; done`]
  const image = await ensureHelperImage(engine, options)
  const { id } = await engine.containers.create({ ...spec, image, entrypoint, network: { kind: 'none' } }, options)
  await engine.containers.start(id, options)
  for (const program of ['dockerd', 'containerd']) {
    for (const pid of processIds()) {
      const [first = '', ...words] = commandLineOf(pid) ?? []
      if (first.endsWith(program) && words.some((word) => word.includes(engineFolder))) sendSignal(pid, 'SIGKILL')
    }
  }
  const orphans = () => processIds().filter((pid) => commandLineOf(pid)?.some((word) => word.includes(name)))
  expect(orphans()).toHaveLength(1)
  const down = await own('env', 'down', '--purge')
  expect(down, down.stderr).toMatchObject({ exitCode: 0 })
  expect(orphans()).toEqual([])
  expect(machine.processes()).toEqual([])
  expect(await machine.mounts()).toEqual([])
  expect(await machine.devices()).toEqual([])
})
