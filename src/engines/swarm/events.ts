/** The events of every machine of a cluster as one stream. */
import { Queue } from '../../lib/queue.ts'
import { type CallOptions, type ContainerEvent, EngineError, type Labels } from '../engine.ts'
import { serviceLabel } from './api.ts'
import type { Cluster, SwarmNode } from './cluster.ts'

/** Subscribed on every machine once the promise resolves. */
export async function watchCluster(
  cluster: Cluster,
  labels: Labels,
  { signal }: CallOptions,
): Promise<AsyncIterable<ContainerEvent>> {
  const queue = new Queue<ContainerEvent>()
  await cluster.everywhere(async (engine, node) => {
    const events = await engine.watch(labels, { signal })
    void forward(events, { cluster, node, labels, queue, signal })
  })
  signal.addEventListener('abort', () => queue.end(), { once: true })
  return queue
}

interface Forwarding {
  readonly cluster: Cluster
  readonly node: SwarmNode
  readonly labels: Labels
  readonly queue: Queue<ContainerEvent>
  readonly signal: AbortSignal
}

async function forward(first: AsyncIterable<ContainerEvent>, to: Forwarding): Promise<void> {
  const { cluster, node, queue, signal } = to
  let events: AsyncIterable<ContainerEvent> | null = first
  while (events !== null) {
    try {
      for await (const event of events) {
        const service = event.labels[serviceLabel]
        await pass(event, service === undefined ? { plain: `${node.name}/${event.container}` } : { service }, to)
      }
      return
    } catch (error) {
      if (signal.aborted) return
      // Without its manager nothing can be said of the cluster; of another machine, only what ran there is lost.
      if (node === cluster.manager) return queue.fail(error)
      events = await subscribedAgain(to)
    }
  }
  if (signal.aborted) return
  for (const { id } of cluster.containersOn(node)) {
    queue.push({ container: id, labels: {}, action: 'lost', exitCode: null, health: null })
  }
}

/** A connection may break while its machine goes on, so that what ended meanwhile is asked for. Null: the machine is gone. */
async function subscribedAgain(to: Forwarding): Promise<AsyncIterable<ContainerEvent> | null> {
  const { cluster, labels, node, signal } = to
  try {
    const events = await cluster.orGone(node, (engine) => engine.watch(labels, { signal }))
    if (events === null) return null
    for (const { id, place } of cluster.containersOn(node)) {
      const { status, exitCode, oomKilled } = await node.engine.containers.inspect(place.containerId, { signal })
      if (status !== 'exited' && status !== 'dead') continue
      const event = { container: place.containerId, labels: {}, exitCode, health: null } as const
      if (oomKilled) await pass({ ...event, action: 'oom' }, { service: id }, to)
      await pass({ ...event, action: 'die' }, { service: id }, to)
    }
    return events
  } catch (error) {
    if (signal.aborted || error instanceof EngineError) return null
    throw error
  }
}

/** @param of the service that the container is the task of, or what one beside the services is called */
async function pass(
  event: ContainerEvent,
  of: { readonly service: string } | { readonly plain: string },
  to: Forwarding,
): Promise<void> {
  if ('plain' in of) return to.queue.push({ ...event, container: of.plain })
  const isLost = event.action === 'die' && (await wasTaken(of.service, { ...to, event }))
  to.queue.push({ ...event, container: of.service, ...(isLost ? { action: 'lost' as const } : {}) })
}

/** A machine that is drained ends its containers: that is not their own doing. */
async function wasTaken(
  service: string,
  of: {
    readonly cluster: Cluster
    readonly node: SwarmNode
    readonly event: ContainerEvent
    readonly signal: AbortSignal
  },
): Promise<boolean> {
  const { cluster, event, node, signal } = of
  try {
    await cluster.assertKept(service, { node, containerId: event.container }, signal)
    return false
  } catch (error) {
    return error instanceof EngineError && error.code === 'node-lost'
  }
}
