/** Networks across the machines of a cluster. */
import { systemClock } from '../../lib/clock.ts'
import { type CallOptions, type Engine, EngineError, type NetworkSpec } from '../engine.ts'
import { clusterName, nameLabel } from './api.ts'
import type { Cluster } from './cluster.ts'
import { updateService } from './services.ts'

/** How long the last tasks on a network may take to leave it. */
const leaveWithinMs = 20_000
const allocatedWithinMs = 10_000
/** What the tunnel between machines takes of every packet, and the overlay driver takes off the size that it is told (RFC 7348). */
const tunnelBytes = 50

export function networksOf(cluster: Cluster): Engine['networks'] {
  return {
    create: (spec, options) => createNetwork(cluster, spec, options),
    subnets: (id, options) => allocatedSubnets(cluster, id, options),
    async connect(id, container, { signal, aliases }) {
      const plain = cluster.plainPlace(container)
      if (plain !== undefined) {
        return cluster.on(plain.node, (engine) => engine.networks.connect(id, plain.containerId, { signal, aliases }))
      }
      await updateService(cluster, container, {
        signal,
        change: (spec) => {
          const Networks = [...spec.TaskTemplate.Networks, { Target: id, Aliases: [...aliases] }]
          return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Networks } }
        },
      })
    },
    remove: (id, options) => removeNetwork(cluster, id, options),
  }
}

export async function createNetwork(
  cluster: Cluster,
  spec: NetworkSpec,
  { signal }: CallOptions,
): Promise<{ readonly id: string }> {
  signal.throwIfAborted()
  const body = {
    Name: clusterName(spec.name),
    Driver: 'overlay',
    Internal: spec.internal,
    // For containers that are beside the services, such as a proxy that also reaches out.
    Attachable: true,
    CheckDuplicate: true,
    Labels: { ...spec.labels, [nameLabel]: spec.name },
    ...(spec.mtu === undefined ? {} : { Options: { 'com.docker.network.driver.mtu': String(spec.mtu + tunnelBytes) } }),
  }
  const path = '/networks/create'
  const { Id } = await cluster.manager.engine.ask<{ readonly Id: string }>({ method: 'POST', path, body, signal })
  return { id: Id }
}

/** The manager gives a network its range some time after it was made. */
async function allocatedSubnets(cluster: Cluster, id: string, options: CallOptions): Promise<readonly string[]> {
  const until = systemClock.now() + allocatedWithinMs
  for (;;) {
    const subnets = await cluster.manager.engine.networks.subnets(id, options)
    if (subnets.length > 0) return subnets
    if (systemClock.now() > until) throw new EngineError('failed', `the cluster has given ${id} no range of addresses`)
    await systemClock.sleep(20, options.signal)
  }
}

/** By id or by name; one of a single machine is `machine/id`. */
export async function removeNetwork(cluster: Cluster, id: string, options: CallOptions): Promise<void> {
  const plain = cluster.plainPlace(id)
  if (plain !== undefined) {
    await cluster.orGone(plain.node, (engine) => engine.networks.remove(plain.containerId, options))
    return
  }
  for (const name of [id, clusterName(id)]) await removeOverlay(cluster, name, options)
}

/** The cluster hears only later that a task has left the network, and keeps it until then. */
async function removeOverlay(cluster: Cluster, id: string, options: CallOptions): Promise<void> {
  const until = systemClock.now() + leaveWithinMs
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 500)) {
    try {
      return await cluster.manager.engine.networks.remove(id, options)
    } catch (error) {
      // It may also be gone from the cluster and not yet from the manager's own engine.
      const passes = /in use|active endpoints|not found/i
      if (!(error instanceof EngineError) || !passes.test(error.message)) throw error
      if (systemClock.now() > until) throw error
    }
    await systemClock.sleep(waitMs, options.signal)
  }
}
