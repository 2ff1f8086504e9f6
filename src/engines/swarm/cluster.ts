/** The machines of a cluster: which there are, which are gone, and where a container is. */
import { type Engine, EngineError } from '../engine.ts'
import { type Api, type ApiNode, type ApiTask, filtered } from './api.ts'

/** One machine: its own engine, for containers that are there already. */
export interface SwarmNode {
  readonly name: string
  readonly engine: Engine & Api
}

/** Where a container is: its machine, and what that machine's engine calls it. */
export interface Place {
  readonly node: SwarmNode
  readonly containerId: string
}

/** How often a machine that did not answer is asked again before it is given up. */
const attempts = 3
const answerWithinMs = 5_000

export class Cluster {
  /** The first is a manager. */
  readonly nodes: readonly SwarmNode[]
  readonly manager: SwarmNode
  readonly #gone = new Set<SwarmNode>()
  /** Service → where its task runs. */
  readonly #places = new Map<string, Place>()
  /** Containers that are ended for a restart: that the cluster wants them ended then is no loss. */
  readonly #replaced = new Set<string>()
  #ids: Promise<ReadonlyMap<string, SwarmNode>> | undefined

  constructor(nodes: readonly SwarmNode[]) {
    const [manager] = nodes
    if (manager === undefined) throw new EngineError('rejected', 'a cluster has at least one machine')
    this.nodes = nodes
    this.manager = manager
  }

  /** The machines that have not gone away. */
  get alive(): readonly SwarmNode[] {
    return this.nodes.filter((node) => !this.#gone.has(node))
  }

  /** A connection may break for other reasons than that its machine is gone. True where it is. */
  async giveUpIfSilent(node: SwarmNode): Promise<boolean> {
    if (await answers(node)) return false
    this.#gone.add(node)
    return true
  }

  /** The services whose containers are known to be on a machine. */
  containersOn(node: SwarmNode): readonly { readonly id: string; readonly place: Place }[] {
    return [...this.#places].flatMap(([id, place]) => (place.node === node ? [{ id, place }] : []))
  }

  /** Node id → machine, of those that answered when first asked. */
  ids(signal: AbortSignal): Promise<ReadonlyMap<string, SwarmNode>> {
    this.#ids ??= this.#readIds(signal)
    this.#ids.catch(() => {
      this.#ids = undefined
    })
    return this.#ids
  }

  async #readIds(signal: AbortSignal): Promise<ReadonlyMap<string, SwarmNode>> {
    const found = await Promise.all(
      this.alive.map((node) =>
        this.orGone(node, async () => {
          const info = await node.engine.ask<{ readonly Swarm?: { readonly NodeID?: string } }>({
            method: 'GET',
            path: '/info',
            signal,
          })
          return [info.Swarm?.NodeID ?? '', node] as const
        }),
      ),
    )
    return new Map(found.flatMap((entry) => (entry === null ? [] : [entry])))
  }

  /** Work on one machine. Rejects with `node-lost` where it does not answer any more, unless it is the manager. */
  async on<T>(node: SwarmNode, work: (engine: SwarmNode['engine']) => Promise<T>): Promise<T> {
    if (this.#gone.has(node)) throw lost(node, 'does not answer')
    try {
      return await work(node.engine)
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'unreachable' || node === this.manager) throw error
      throw (await this.giveUpIfSilent(node)) ? lost(node, 'does not answer') : error
    }
  }

  /** As `on`, but null where the machine is gone: what it had is gone with it. */
  async orGone<T>(node: SwarmNode, work: (engine: SwarmNode['engine']) => Promise<T>): Promise<T | null> {
    try {
      return await this.on(node, work)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'node-lost') return null
      throw error
    }
  }

  /** Side by side on every machine that is there. */
  async everywhere<T>(work: (engine: SwarmNode['engine'], node: SwarmNode) => Promise<T>): Promise<readonly T[]> {
    const results = await Promise.all(this.alive.map((node) => this.orGone(node, (engine) => work(engine, node))))
    return results.flatMap((result) => (result === null ? [] : [result as T]))
  }

  place(service: string, place: Place): void {
    this.#places.set(service, place)
  }

  /** Another task is about to take the container's place. */
  replace(containerId: string): void {
    this.#replaced.add(containerId)
  }

  forget(service: string): void {
    this.#places.delete(service)
  }

  /** Null where it was never started. Rejects with `not-found` where there is no such container. */
  async placeOf(id: string, signal: AbortSignal): Promise<Place | null> {
    const known = this.plainPlace(id) ?? this.#places.get(id)
    if (known !== undefined) return known
    const service = await this.manager.engine.ask<{ readonly ID: string }>({
      method: 'GET',
      path: `/services/${encodeURIComponent(id)}`,
      signal,
    })
    const place = await this.#placeOfTask(await this.latestTask(service.ID, signal), signal)
    if (place !== null) this.#places.set(id, place)
    return place
  }

  /** A container beside the services, `machine/id`. */
  plainPlace(id: string): Place | undefined {
    const at = id.indexOf('/')
    const node = at < 0 ? undefined : this.nodes.find(({ name }) => name === id.slice(0, at))
    return node && { node, containerId: id.slice(at + 1) }
  }

  async latestTask(service: string, signal: AbortSignal): Promise<ApiTask | undefined> {
    return (await this.tasksOf(service, signal)).toSorted(
      (a, b) => Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt),
    )[0]
  }

  /** None where there is no such service. */
  tasksOf(service: string, signal: AbortSignal): Promise<readonly ApiTask[]> {
    const path = filtered('/tasks', { service: [service] })
    return this.manager.engine.ask<readonly ApiTask[]>({ method: 'GET', path, signal })
  }

  async #placeOfTask(task: ApiTask | undefined, signal: AbortSignal): Promise<Place | null> {
    const containerId = task?.Status.ContainerStatus?.ContainerID
    const node = (await this.ids(signal)).get(task?.NodeID ?? '')
    return node === undefined || !containerId ? null : { node, containerId }
  }

  /** As `assertInService`, and also where the cluster has ended the container because its machine was away. */
  async assertKept(service: string, place: Place, signal: AbortSignal): Promise<void> {
    await this.assertInService(place.node, signal)
    const tasks = await this.tasksOf(service, signal)
    const task = tasks.find(({ Status }) => Status.ContainerStatus?.ContainerID === place.containerId)
    if (this.#replaced.has(place.containerId)) return
    if (task !== undefined && wasToldToEnd(task)) throw lost(place.node, 'was away from the cluster, which ended it')
  }

  /** Rejects with `node-lost` where the machine does not answer, or where the cluster has taken it out of service. */
  async assertInService(node: SwarmNode, signal: AbortSignal): Promise<void> {
    if (this.#gone.has(node)) throw lost(node, 'does not answer')
    const id = [...(await this.ids(signal))].find(([, one]) => one === node)?.[0] ?? ''
    const { Spec, Status } = await this.manager.engine.ask<ApiNode>({ method: 'GET', path: `/nodes/${id}`, signal })
    if (Spec.Availability === 'drain') throw lost(node, 'was drained')
    // The manager hears of a machine that has gone only some time later.
    const isSilent = node !== this.manager && (await this.giveUpIfSilent(node))
    if (isSilent || Status.State !== 'ready') throw lost(node, 'does not answer')
  }
}

/** A task that ended by itself, or by a call to its own machine, is complete or failed, whatever is wanted of it since. */
function wasToldToEnd({ DesiredState, Status }: ApiTask): boolean {
  return Status.State === 'shutdown' || (Status.State === 'running' && DesiredState === 'shutdown')
}

export const lost = (node: SwarmNode, what: string) =>
  new EngineError('node-lost', `${node.name} ${what}`, { hint: 'The next run brings it back.' })

async function answers(node: SwarmNode): Promise<boolean> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      await node.engine.ask({ method: 'GET', path: '/version', signal: AbortSignal.timeout(answerWithinMs) })
      return true
    } catch {
      // The next attempt may get through.
    }
  }
  return false
}
