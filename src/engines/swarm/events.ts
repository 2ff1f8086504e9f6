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
    void forward(events, { cluster, node, queue, signal })
  })
  signal.addEventListener('abort', () => queue.end(), { once: true })
  return queue
}

async function forward(
  events: AsyncIterable<ContainerEvent>,
  to: {
    readonly cluster: Cluster
    readonly node: SwarmNode
    readonly queue: Queue<ContainerEvent>
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { cluster, node, queue, signal } = to
  try {
    for await (const event of events) {
      const service = event.labels[serviceLabel]
      const container = service ?? `${node.name}/${event.container}`
      const isLost = event.action === 'die' && service !== undefined && (await wasTaken(service, { ...to, event }))
      queue.push({ ...event, container, ...(isLost ? { action: 'lost' as const } : {}) })
    }
  } catch (error) {
    if (signal.aborted) return
    // Without its manager nothing can be said of the cluster; of another machine, only what ran there is lost.
    if (node === cluster.manager) return queue.fail(error)
    await cluster.giveUpIfSilent(node)
    for (const container of cluster.containersOn(node)) {
      queue.push({ container, labels: {}, action: 'lost', exitCode: null, health: null })
    }
  }
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
