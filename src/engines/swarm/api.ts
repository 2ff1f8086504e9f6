/** What a manager's API says of services, tasks and nodes, as far as it is used; none of this leaves the folder. */
import { createHash } from 'node:crypto'
import type { Labels } from '../engine.ts'

/** A way to call the API of an engine beside its port. Rejects with `EngineError`. */
export interface Api {
  ask<T>(wanted: {
    readonly method: 'GET' | 'POST' | 'DELETE'
    readonly path: string
    readonly body?: unknown
    readonly signal: AbortSignal
  }): Promise<T>
}

export interface ApiNode {
  readonly ID: string
  readonly Spec: { readonly Availability: 'active' | 'pause' | 'drain' }
  readonly Status: { readonly State: 'unknown' | 'down' | 'ready' | 'disconnected' }
}

export interface ApiService {
  readonly ID: string
  readonly Version: { readonly Index: number }
  readonly Spec: ServiceSpec
}
export interface ServiceSpec {
  readonly Name: string
  readonly Labels: Labels
  readonly TaskTemplate: TaskTemplate
  readonly Mode: { readonly Replicated: { readonly Replicas: number } }
  readonly EndpointSpec: { readonly Mode: 'dnsrr' }
}
export interface TaskTemplate {
  readonly ContainerSpec: Readonly<Record<string, unknown>>
  readonly Resources: { readonly Limits: Readonly<Record<string, number>> }
  readonly RestartPolicy: { readonly Condition: 'none' }
  readonly Placement: {
    readonly Constraints: readonly string[]
    readonly Platforms?: readonly { readonly OS: string; readonly Architecture: string }[]
  }
  readonly Networks: readonly { readonly Target: string; readonly Aliases: readonly string[] }[]
  readonly LogDriver: { readonly Name: string; readonly Options: Readonly<Record<string, string>> }
  readonly ForceUpdate?: number
}

export interface ApiTask {
  readonly ID: string
  readonly CreatedAt: string
  readonly NodeID?: string
  readonly DesiredState: string
  readonly Status: {
    readonly State: string
    readonly Message?: string
    readonly Err?: string
    readonly ContainerStatus?: { readonly ContainerID?: string }
  }
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly ID: string }
    /** With the length of their prefix. */
    readonly Addresses?: readonly string[]
  }[]
}
/** What one machine knows of a network that spans several, when it is asked for all of it. */
export interface ApiNetworkView {
  readonly Services?: Readonly<
    Record<
      string,
      { readonly Tasks?: readonly { readonly EndpointIP: string; readonly Info?: Readonly<Record<string, string>> }[] }
    >
  >
}

/** Set by the cluster on the containers of a service. */
export const serviceLabel = 'com.docker.swarm.service.id'
/** What Matrix calls the object: names in a cluster are DNS labels of at most 63 characters. */
export const nameLabel = 'matrix.name'

/** The same for the same name, so that a name is taken once. */
export function clusterName(name: string): string {
  return `matrix-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`
}

/** The network of a container that is on none. */
export const ownNetworkOf = (container: string): string => `${container}-alone`

/** A path with filters as the API takes them. */
export function filtered(path: string, filters: Readonly<Record<string, readonly string[]>>): string {
  return `${path}?filters=${encodeURIComponent(JSON.stringify(filters))}`
}

export function labelFilter(labels: Labels): readonly string[] {
  return Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
}
