/** Under control groups of version 2, which the virtual machine has, nested engines enforce limits: those without root too. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine, EngineAccess } from '../../src/engines/engine.ts'
import { hostName } from '../../src/hosts/host-place.ts'
import { engineSocket, nestedContainer } from '../../src/hosts/nested/container-spec.ts'
import { type NestedMachine, nestedEngine } from '../../src/hosts/nested/engine-kinds.ts'
import { ensureRootImage } from '../../src/hosts/nested/root-image.ts'
import type { VmFiles } from '../../src/hosts/vm/vm-files.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import type { NestedSpec } from '../../src/model/project.ts'
import { askFor, hostEngine, stopHost } from '../support/hosts.ts'
import { insideVm, usualVm, vmFilesIn } from '../support/vm.ts'

// A root file system of some hundred megabytes is sent to an emulated machine.
vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 1_800_000 })

const options = { signal: new AbortController().signal }
const docker: NestedSpec = { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false }
const rootless: NestedSpec = { ...docker, engine: 'podman', rootless: true }
/** As Matrix would find it there. */
const machine: NestedMachine = {
  missingCapabilities: [],
  hasCgroups2: true,
  devices: ['/dev/fuse', '/dev/net/tun'],
}

let there: Engine
let files: VmFiles
let access: EngineAccess
beforeAll(async () => {
  const ask = await askFor(usualVm)
  there = await hostEngine(usualVm)
  files = vmFilesIn(ask.root, usualVm)
  access = { ssh: { identityFiles: [files.key], knownHostsFiles: [files.knownHosts] } }
  const { stdout } = await insideVm(files, 'modprobe -a fuse tun overlay && cat /sys/fs/cgroup/cgroup.controllers')
  expect(stdout.split(' ')).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']))
})
afterAll(async () => {
  await there?.[Symbol.asyncDispose]()
  await stopHost(usualVm)
})

/** A nested engine in the machine's own, as Matrix makes one. */
async function nestedThere(spec: NestedSpec): Promise<Engine> {
  const ask = await askFor(spec)
  const engine = nestedEngine(spec, machine)
  const root = await ensureRootImage(ask.local, { ...ask, engine })
  if (!root.ok) throw new Error(root.problem.message)
  if ((await there.images.inspect(root.imageId, options)) === null) {
    await there.images.load(await ask.local.images.save(root.imageId, options), options)
  }
  const name = nameOf(spec)
  const sockets = `/run/${name}/sockets`
  const folders = { sockets, authorities: `/run/${name}/authorities` }
  await insideVm(files, `mkdir -p ${Object.values(folders).join(' ')}`)
  await there.volumes.create({ name, labels: {} }, options)
  const made = { name, hostname: hostName(spec), image: root.imageId, labels: {}, folders }
  const { id } = await there.containers.create(
    nestedContainer(engine, { ...made, network: { kind: 'bridge' } }),
    options,
  )
  await there.containers.start(id, options)
  const nested = connectDocker(`${there.endpoint}${sockets}/${engineSocket}`, access)
  for (;;) {
    const answer = await nested.facts(options).catch((error) => error as Error)
    if (!(answer instanceof Error)) return nested
    const { status } = await there.containers.inspect(id, options)
    const { lines } = await there.containers.logs(id, { ...options, maxBytes: 4000 })
    if (status !== 'running') throw new Error([answer.message, ...lines.map(({ text }) => text)].join('\n'))
    await sleep(1000)
  }
}
const nameOf = (spec: NestedSpec) => `matrix-cgroups2-${hostName(spec)}`

describe.each([
  ['Docker', docker],
  ['Podman without root', rootless],
])('%s', (_, spec) => {
  afterEach(async () => {
    await there.containers.remove(nameOf(spec), options)
    await there.volumes.remove(nameOf(spec), options)
    await insideVm(files, `rm -rf /run/${nameOf(spec)}`)
  })

  test('sees version 2, and the kernel has the limits of what runs in it', async () => {
    await using nested = await nestedThere(spec)
    const { cgroup, rootless, unsupported } = await nested.facts(options)
    expect({ cgroup, rootless }).toEqual({ cgroup: 'v2', rootless: spec.rootless })
    const limits = { mem_limit: 64 * 1024 ** 2, pids_limit: 32, cpus: 0.5 }
    expect(Object.keys(limits).filter((key) => unsupported.has(key))).toEqual([])
    const { id } = await nested.containers.create(
      {
        ...{ name: 'limited', labels: {}, environment: {}, volumes: [], network: { kind: 'none' } },
        image: await ensureHelperImage(nested, options),
        entrypoint: ['/bin/busybox', 'sleep', '600'],
        constraints: limits,
      },
      options,
    )
    await nested.containers.start(id, options)
    const read = ['memory.max', 'pids.max', 'cpu.max'].map((name) => `/sys/fs/cgroup/${name}`)
    const command = ['/bin/busybox', 'cat', ...read]
    const { stdout } = await nested.containers.exec(id, { command, maxBytes: 1000 }, options)
    expect(stdout).toBe(`${limits.mem_limit}\n32\n50000 100000\n`)
  })
})
