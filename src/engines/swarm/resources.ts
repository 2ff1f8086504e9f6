/** What is in a cluster: its own objects, and those of each machine. */
import type { CallOptions, Labels, Resource, ResourceKind } from '../engine.ts'
import { type Api, type ApiService, filtered, labelFilter, nameLabel, ownNetworkOf, serviceLabel } from './api.ts'
import type { Cluster } from './cluster.ts'

export async function listResources(
  cluster: Cluster,
  query: { readonly kind: ResourceKind; readonly labels: Labels },
  options: CallOptions,
): Promise<readonly Resource[]> {
  const { kind, labels } = query
  options.signal.throwIfAborted()
  switch (kind) {
    case 'container':
      return containers(cluster, labels, options)
    case 'network':
      return networks(cluster, labels, options)
    case 'volume':
    case 'image': {
      const found = await onMachines(cluster, query, options)
      return [...new Map(found.map(({ resource }) => [resource.id, resource])).values()]
    }
  }
}

/** Services, and what runs on a machine beside them, such as what is left of a service that is gone. */
async function containers(cluster: Cluster, labels: Labels, options: CallOptions): Promise<readonly Resource[]> {
  const services = await servicesBy(cluster, labels, options)
  const ids = new Set(services.map(({ id }) => id))
  const others = await onMachines(cluster, { kind: 'container', labels }, options)
  const beside = others.filter(({ resource }) => !ids.has(resource.labels[serviceLabel] ?? ''))
  return [...services, ...beside.map(({ node, resource }) => ({ ...resource, id: `${node}/${resource.id}` }))]
}

async function servicesBy(cluster: Cluster, labels: Labels, { signal }: CallOptions): Promise<readonly Resource[]> {
  const path = filtered('/services', { label: labelFilter(labels) })
  const found = await cluster.manager.engine.ask<readonly ApiService[]>({ method: 'GET', path, signal })
  return found.map(({ ID, Spec }) => ({
    kind: 'container' as const,
    id: ID,
    name: Spec.Labels[nameLabel] ?? Spec.Name,
    labels: Spec.Labels,
  }))
}

interface ApiNetwork {
  readonly Id: string
  readonly Name: string
  readonly Labels: Labels | null
}

/** Those across machines, but for a network that belongs to a service and goes with it; and those of single machines. */
async function networks(cluster: Cluster, labels: Labels, options: CallOptions): Promise<readonly Resource[]> {
  const { signal } = options
  const within = (engine: Api, scope: 'swarm' | 'local') => {
    const path = filtered('/networks', { label: labelFilter(labels), scope: [scope] })
    return engine.ask<readonly ApiNetwork[]>({ method: 'GET', path, signal })
  }
  const [overlays, services, local] = await Promise.all([
    within(cluster.manager.engine, 'swarm'),
    servicesBy(cluster, labels, options),
    cluster.everywhere(async (engine, { name }) =>
      (await within(engine, 'local')).map((network) => ({ ...network, Id: `${name}/${network.Id}` })),
    ),
  ])
  const owned = new Set(services.map(({ name }) => ownNetworkOf(name)))
  return [
    ...[...overlays, ...local.flat()].map(({ Id, Name, Labels }) => ({
      kind: 'network' as const,
      id: Id,
      name: Labels?.[nameLabel] ?? Name,
      labels: Labels ?? {},
    })),
  ].filter(({ name }) => !owned.has(name))
}

async function onMachines(
  cluster: Cluster,
  query: { readonly kind: ResourceKind; readonly labels: Labels },
  options: CallOptions,
): Promise<readonly { readonly node: string; readonly resource: Resource }[]> {
  const found = await cluster.everywhere(async (engine, node) =>
    (await engine.list(query.kind, query.labels, options)).map((resource) => ({ node: node.name, resource })),
  )
  return found.flat()
}
