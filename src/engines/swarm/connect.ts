/** A Swarm cluster as the port to an engine: containers become services, and the cluster chooses their machines. */
import type { CallOptions, Engine, EngineFacts } from '../engine.ts'
import { EngineError } from '../engine.ts'
import { Cluster, type SwarmNode } from './cluster.ts'
import { containersOf } from './containers.ts'
import { watchCluster } from './events.ts'
import { imagesOf } from './images.ts'
import { networksOf } from './networks.ts'
import { listResources } from './resources.ts'
import { unsupportedBy } from './service-spec.ts'

/** @param nodes every machine by its own engine, a manager first; they are disposed of with the cluster */
export function connectSwarm(nodes: readonly SwarmNode[]): Engine {
  const cluster = new Cluster(nodes)
  const hostOfNode = ({ name, engine }: SwarmNode) => ({ name, engine })
  return {
    endpoint: cluster.manager.engine.endpoint,
    facts: (options) => factsOf(cluster, options),
    images: imagesOf(cluster),
    containers: containersOf(cluster),
    networks: networksOf(cluster),
    // A volume is a machine's own; which machine will want it is not known yet.
    volumes: {
      async create(spec, options) {
        await cluster.everywhere((engine) => engine.volumes.create(spec, options))
      },
      async remove(name, options) {
        await cluster.everywhere((engine) => engine.volumes.remove(name, options))
      },
    },
    hosts: async () => cluster.alive.map(hostOfNode),
    async hostOf(id, { signal }) {
      const place = await cluster.placeOf(id, signal)
      if (place === null) throw new EngineError('conflict', `container ${id} is not running`)
      if (cluster.plainPlace(id) !== undefined) await cluster.assertInService(place.node, signal)
      else await cluster.assertKept(id, place, signal)
      return hostOfNode(place.node)
    },
    list: (kind, labels, options) => listResources(cluster, { kind, labels }, options),
    watch: (labels, options) => watchCluster(cluster, labels, options),
    async [Symbol.asyncDispose]() {
      for (const { engine } of nodes) await engine[Symbol.asyncDispose]()
    },
  }
}

/** What one container may have is what the smallest machine has. */
async function factsOf(cluster: Cluster, options: CallOptions): Promise<EngineFacts> {
  options.signal.throwIfAborted()
  const all = await cluster.everywhere((engine) => engine.facts(options))
  const [first] = all
  if (first === undefined) throw new EngineError('unreachable', 'no machine of the cluster answers')
  const smallest = (values: readonly number[]) => Math.min(...values)
  return {
    ...first,
    name: 'swarm',
    nodes: all.length,
    dataId: null,
    dataRoot: null,
    memoryBytes: smallest(all.map(({ memoryBytes }) => memoryBytes)),
    cpus: smallest(all.map(({ cpus }) => cpus)),
    unsupported: new Set([...all.flatMap(({ unsupported, version }) => [...unsupported, ...unsupportedBy(version)])]),
  }
}
