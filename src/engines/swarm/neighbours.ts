/** Waits until the machines of a network know of each other's containers: the cluster tells them one by one, by gossip. */
import { systemClock } from '../../lib/clock.ts'
import { type ApiNetworkView, type ApiService, type ApiTask, filtered } from './api.ts'
import { type Cluster, lost, type Place, type SwarmNode } from './cluster.ts'

/** How long a machine may take to hear of a container elsewhere; one that has just come back was seen to take 16 s. */
const heardWithinMs = 30_000

/**
 * Resolves when what was placed is known to the machines of its neighbours, and they to its own: before that their names and
 * addresses lead nowhere. Rejects with `node-lost` where a machine does not hear of them.
 */
export async function meetNeighbours(
  cluster: Cluster,
  service: string,
  { place, signal }: { readonly place: Place; readonly signal: AbortSignal },
): Promise<void> {
  const { engine } = cluster.manager
  const { Spec } = await engine.ask<ApiService>({ method: 'GET', path: `/services/${service}`, signal })
  const networks = Spec.TaskTemplate.Networks.map(({ Target }) => Target)
  const until = systemClock.now() + heardWithinMs
  for (const network of networks) {
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 500)) {
      const deaf = await deafTo(cluster, network, { beside: place.node, signal })
      if (deaf === null) break
      if (systemClock.now() > until) {
        throw lost(deaf.node, `has not heard of the container at ${deaf.address} within ${heardWithinMs / 1000} s`)
      }
      await systemClock.sleep(waitMs, signal)
    }
  }
}

/** A machine with a container on the network that has not heard of another one; null where all have. */
async function deafTo(
  cluster: Cluster,
  network: string,
  { beside, signal }: { readonly beside: SwarmNode; readonly signal: AbortSignal },
): Promise<{ readonly node: SwarmNode; readonly address: string } | null> {
  const path = filtered('/tasks', { 'desired-state': ['running'] })
  const tasks = await cluster.manager.engine.ask<readonly ApiTask[]>({ method: 'GET', path, signal })
  const attached = tasks.flatMap(({ NodeID, Status, NetworksAttachments = [] }) =>
    NetworksAttachments.filter(({ Network }) => Network.ID === network && Status.State === 'running').flatMap(
      ({ Addresses = [] }) => ({ nodeId: NodeID ?? '', addresses: Addresses.map((one) => one.replace(/\/.*/, '')) }),
    ),
  )
  const addresses = attached.flatMap((one) => one.addresses)
  const ids = await cluster.ids(signal)
  const nodes = new Set([beside, ...attached.flatMap(({ nodeId }) => ids.get(nodeId) ?? [])])
  if (nodes.size < 2) return null
  for (const node of nodes) {
    const known = await knownTo(cluster, node, { network, signal })
    const address = addresses.find((one) => !known.has(one))
    if (address !== undefined) return { node, address }
  }
  return null
}

/** The addresses on a network that a machine can resolve, and knows the way to. */
async function knownTo(
  cluster: Cluster,
  node: SwarmNode,
  { network, signal }: { readonly network: string; readonly signal: AbortSignal },
): Promise<ReadonlySet<string>> {
  const path = `/networks/${network}?verbose=true&scope=swarm`
  const view = await cluster.on(node, (engine) => engine.ask<ApiNetworkView>({ method: 'GET', path, signal }))
  const tasks = Object.values(view.Services ?? {}).flatMap(({ Tasks }) => Tasks ?? [])
  return new Set(tasks.flatMap(({ EndpointIP, Info }) => (Info?.['Host IP'] ? [EndpointIP] : [])))
}
