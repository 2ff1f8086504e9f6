/** Containers of a cluster: services of one task each, and on a named machine what has to be beside such a task. */
import { type CallOptions, type ContainerSpec, type ContainerState, type Containers, EngineError } from '../engine.ts'
import { type ApiService, clusterName, nameLabel, ownNetworkOf, type ServiceSpec, serviceLabel } from './api.ts'
import type { Cluster, Place, SwarmNode } from './cluster.ts'
import { meetNeighbours } from './neighbours.ts'
import { createNetwork, removeNetwork } from './networks.ts'
import { startAgain } from './restart.ts'
import { serviceSpec } from './service-spec.ts'
import { updateService } from './services.ts'
import { startedTask } from './tasks.ts'

export function containersOf(cluster: Cluster): Containers {
  /** Work where the container is; one that was never started is refused as the engine refuses it. */
  const there = async <T>(
    id: string,
    options: CallOptions,
    work: (containers: Containers, containerId: string, place: Place) => Promise<T>,
  ): Promise<T> => {
    options.signal.throwIfAborted()
    const place = await cluster.placeOf(id, options.signal)
    if (place === null) throw new EngineError('conflict', `container ${id} is not running`)
    return cluster.on(place.node, (engine) => work(engine.containers, place.containerId, place))
  }
  return {
    create: (spec, options) =>
      isService(spec) ? createService(cluster, spec, options) : createPlain(cluster, spec, options),
    async start(id, options) {
      const plain = cluster.plainPlace(id)
      if (plain !== undefined) return there(id, options, (containers, own) => containers.start(own, options))
      await updateService(cluster, id, { ...options, change: (spec) => scaled(spec, 1) })
      const place = await startedTask(cluster, id, options)
      cluster.place(id, place)
      await meetNeighbours(cluster, id, { place, signal: options.signal })
    },
    async inspect(id, options) {
      options.signal.throwIfAborted()
      const place = await cluster.placeOf(id, options.signal)
      if (place === null) return createdState(id)
      const state = await cluster.on(place.node, (engine) => engine.containers.inspect(place.containerId, options))
      return { ...state, id, node: place.node.name }
    },
    stop: async (id, options) => {
      options.signal.throwIfAborted()
      if ((await cluster.placeOf(id, options.signal)) === null) return
      return there(id, options, (containers, own) => containers.stop(own, options))
    },
    kill: (id, options) => there(id, options, (containers, own) => containers.kill(own, options)),
    restart: (id, options) =>
      there(id, options, async (containers, own, place) => {
        if (cluster.plainPlace(id) !== undefined) return containers.restart(own, options)
        cluster.replace(own)
        await containers.stop(own, options)
        await startAgain(cluster, id, { place, signal: options.signal })
      }),
    remove: (id, options) => remove(cluster, id, options),
    exec: (id, spec, options) => there(id, options, (containers, own) => containers.exec(own, spec, options)),
    connect: (id, command, options) =>
      there(id, options, (containers, own) => containers.connect(own, command, options)),
    terminal: (id, spec, options) => there(id, options, (containers, own) => containers.terminal(own, spec, options)),
    async logs(id, options) {
      options.signal.throwIfAborted()
      if ((await cluster.placeOf(id, options.signal)) === null) return { lines: [], cutBytes: 0 }
      return there(id, options, (containers, own) => containers.logs(own, options))
    },
    followLogs: (id, options) => there(id, options, (containers, own) => containers.followLogs(own, options)),
    readFile: (id, path, options) => there(id, options, (containers, own) => containers.readFile(own, path, options)),
    environment: (id, options) => there(id, options, (containers, own) => containers.environment(own, options)),
    peakMemory: (id, options) => there(id, options, (containers, own) => containers.peakMemory(own, options)),
  }
}

/** What shares something with a machine or with another container has to be put there, which a service cannot say. */
function isService(spec: ContainerSpec): boolean {
  const { kind } = spec.network
  return (kind === 'network' || kind === 'none') && spec.hostPid !== true && spec.host === undefined
}

async function createPlain(cluster: Cluster, spec: ContainerSpec, options: CallOptions) {
  const { network } = spec
  const beside = network.kind === 'container' ? await cluster.placeOf(network.id, options.signal) : null
  const node = beside?.node ?? cluster.manager
  const own = beside === null ? network : ({ kind: 'container', id: beside.containerId } as const)
  const { id, warnings } = await cluster.on(node, (engine) =>
    engine.containers.create({ ...spec, network: own }, options),
  )
  return { id: `${node.name}/${id}`, warnings }
}

async function createService(cluster: Cluster, spec: ContainerSpec, options: CallOptions) {
  const { signal } = options
  const { engine } = cluster.manager
  const image = await engine.images.inspect(spec.image, options)
  if (image === null) throw new EngineError('not-found', `no such image: ${spec.image}`)
  const network =
    spec.network.kind === 'network' ? spec.network : { id: await ownNetwork(cluster, spec, options), aliases: [] }
  const avoid = await nodesToAvoid(cluster, spec.apartFrom ?? [], signal)
  const body = serviceSpec(spec, { imageId: image.id, network, avoid })
  try {
    const path = '/services/create'
    const { ID, Warnings } = await engine.ask<{ readonly ID: string; readonly Warnings?: readonly string[] | null }>({
      ...{ method: 'POST', path, body, signal },
    })
    return { id: ID, warnings: Warnings ?? [] }
  } catch (error) {
    throw error instanceof EngineError && /name conflicts with an existing/.test(error.message)
      ? new EngineError('conflict', `the name ${spec.name} is taken`, { cause: error })
      : error
  }
}

/** A service is always on a network: one of its own that leads nowhere stands for none. */
async function ownNetwork(cluster: Cluster, spec: ContainerSpec, options: CallOptions): Promise<string> {
  const network = { name: ownNetworkOf(spec.name), labels: spec.labels, internal: true }
  return (await createNetwork(cluster, network, options)).id
}

/** The machines of those containers and the ones that are gone, as long as a machine is left. */
async function nodesToAvoid(
  cluster: Cluster,
  containers: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ids = [...(await cluster.ids(signal))]
  const places = await Promise.all(containers.map((id) => cluster.placeOf(id, signal)))
  const theirs = new Set(places.flatMap((place) => (place === null ? [] : [place.node])))
  const alive = new Set<SwarmNode>(cluster.alive)
  const isFree = (node: SwarmNode) => alive.has(node) && !theirs.has(node)
  const keepApart = ids.some(([, node]) => isFree(node))
  return ids.flatMap(([id, node]) => ((keepApart ? isFree(node) : alive.has(node)) ? [] : [id]))
}

const scaled = (spec: ServiceSpec, Replicas: number): ServiceSpec => ({ ...spec, Mode: { Replicated: { Replicas } } })

/** By id or by name, as the port has it. */
async function remove(cluster: Cluster, id: string, options: CallOptions): Promise<void> {
  options.signal.throwIfAborted()
  const plain = cluster.plainPlace(id)
  if (plain !== undefined) {
    await cluster.orGone(plain.node, (engine) => engine.containers.remove(plain.containerId, options))
    return
  }
  for (const name of [id, clusterName(id)]) {
    const service = await serviceOrNull(cluster, name, options)
    if (service === null) continue
    await removeService(cluster, service, options)
    const own = service.Spec.Labels[nameLabel]
    if (own !== undefined) await removeNetwork(cluster, ownNetworkOf(own), options)
  }
  await cluster.everywhere((engine) => engine.containers.remove(id, options))
}

async function serviceOrNull(cluster: Cluster, name: string, { signal }: CallOptions): Promise<ApiService | null> {
  try {
    const path = `/services/${encodeURIComponent(name)}`
    return await cluster.manager.engine.ask<ApiService>({ method: 'GET', path, signal })
  } catch (error) {
    if (error instanceof EngineError && error.code === 'not-found') return null
    throw error
  }
}

/** Resolves when its containers are gone from the machines that are there; the cluster alone would grant them their grace. */
async function removeService(cluster: Cluster, service: ApiService, options: CallOptions): Promise<void> {
  const { signal } = options
  cluster.forget(service.ID)
  await gone(() => cluster.manager.engine.ask({ method: 'DELETE', path: `/services/${service.ID}`, signal }))
  const its = { [serviceLabel]: service.ID }
  await cluster.everywhere(async (engine) => {
    for (const { id } of await engine.list('container', its, options)) await engine.containers.remove(id, options)
  })
}

async function gone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'not-found') throw error
  }
}

/** A service that was not started: there is no container yet that could be asked. */
function createdState(id: string): ContainerState {
  return {
    id,
    status: 'created',
    pid: 0,
    exitCode: null,
    oomKilled: false,
    restarts: 0,
    error: '',
    startedAt: null,
    finishedAt: null,
    health: null,
    addresses: [],
    node: null,
    claims: {},
    raw: {},
  }
}
