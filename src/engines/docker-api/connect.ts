/** The Docker Engine API as the port to an engine; Docker's types do not leave this folder. */
import type Dockerode from 'dockerode'
import {
  type Engine,
  type EngineAccess,
  EngineError,
  type EngineFacts,
  type Labels,
  type Resource,
  type ResourceKind,
} from '../engine.ts'
import { containersOf } from './containers.ts'
import { call, callOrNull } from './errors.ts'
import { watchEvents } from './events.ts'
import { imagesOf } from './images.ts'
import { networksOf } from './networks.ts'
import { controllersOfDocker, controllersOfPodman, idsOfPodman, unenforcedBy } from './quirks.ts'
import { type EngineRequest, request } from './request.ts'
import { transportTo } from './transport.ts'

/** An engine that can also be asked what the port does not name, such as the services of a cluster. */
export interface DockerEngine extends Engine {
  /** A call of the engine's own API, its answer parsed. Rejects with `EngineError`. */
  ask<T>(wanted: Omit<EngineRequest, 'isStream'>): Promise<T>
}

/**
 * @param endpoint `unix:///path/of.sock`, `tcp://host:port` or `ssh://user@host:port/path/of.sock`
 * @throws EngineError where the endpoint or its access cannot be used; whether the engine answers is not asked yet
 */
export function connectDocker(endpoint: string, access: EngineAccess = {}): DockerEngine {
  const { docker, close } = transportTo(endpoint, access)
  const engine: DockerEngine = {
    endpoint,
    facts: ({ signal }) => call(signal, () => readFacts(docker, signal)),
    images: imagesOf(docker),
    containers: containersOf(docker),
    networks: networksOf(docker),
    volumes: {
      create: (spec, { signal }) =>
        call(
          signal,
          async () =>
            void (await docker.createVolume({ Name: spec.name, Labels: { ...spec.labels }, abortSignal: signal })),
        ),
      remove: async (name, { signal }) => {
        await callOrNull(signal, () =>
          request(docker, { method: 'DELETE', path: `/volumes/${encodeURIComponent(name)}?force=true`, signal }),
        )
      },
    },
    list: (kind, labels, { signal }) => call(signal, () => listResources(docker, { kind, labels, signal })),
    watch: (labels, { signal }) => watchEvents(docker, labels, signal),
    hosts: async () => [{ name: null, engine }],
    hostOf: async () => ({ name: null, engine }),
    ask: (wanted) => call(wanted.signal, () => request(docker, wanted)),
    [Symbol.asyncDispose]: close,
  }
  return engine
}

async function readFacts(docker: Dockerode, signal: AbortSignal): Promise<EngineFacts> {
  const [info, version] = await Promise.all([
    request<Record<string, unknown>>(docker, { method: 'GET', path: '/info', signal }),
    request<Dockerode.DockerVersion>(docker, { method: 'GET', path: '/version', signal }),
  ])
  refuseOther(version)
  refuseOtherStore(info)
  const text = (key: string) => String(info[key] ?? '')
  const components = (version as { readonly Components?: readonly { readonly Name: string }[] }).Components ?? []
  const name = components.some((component) => component.Name === 'Podman Engine') ? 'podman' : 'docker'
  const securityOptions = Array.isArray(info['SecurityOptions']) ? info['SecurityOptions'].map(String) : []
  const ociRuntime = text('DefaultRuntime') || 'runc'
  const own = name === 'podman' ? await podmanHost(docker, version.Version, signal) : {}
  const rootless = securityOptions.some((option) => option.includes('rootless')) || own.security?.rootless === true
  const controllers = name === 'podman' ? controllersOfPodman(own.cgroupControllers) : controllersOfDocker(info)
  const cgroup = `v${text('CgroupVersion') || '1'}`
  return {
    name,
    version: version.Version,
    apiVersion: version.ApiVersion,
    ociRuntime,
    rootless,
    kernel: text('KernelVersion'),
    cgroup,
    arch: version.Arch,
    nodes: 1,
    memoryBytes: Number(info['MemTotal'] ?? 0),
    cpus: Number(info['NCPU'] ?? 1),
    storageDriver: text('Driver'),
    dataRoot: text('DockerRootDir') === '' ? null : { machine: text('Name'), path: text('DockerRootDir') },
    dataId: dataIdOf(name, text),
    securityOptions,
    unsupported: unenforcedBy({
      ...{ name, version: version.Version, rootless, cgroup, ociRuntime, controllers },
      ids: idsOfPodman(own.idMappings?.uidmap),
    }),
  }
}

/** @throws EngineError where something else answers */
function refuseOther(version: Partial<Dockerode.DockerVersion> | null): void {
  if (typeof version?.Version === 'string' && typeof version.ApiVersion === 'string') return
  throw new EngineError('rejected', 'what answers there is neither Docker nor Podman', {
    hint: 'Name the address of an engine.',
  })
}

/**
 * An image is the hash of its config here, on every engine. In containerd's store Docker calls it by its manifest, and knows
 * no other name of it. Source: docs.docker.com, "containerd image store", `DriverStatus`.
 *
 * @throws EngineError
 */
function refuseOtherStore(info: Readonly<Record<string, unknown>>): void {
  if (!JSON.stringify(info['DriverStatus'] ?? []).includes('io.containerd.snapshotter')) return
  throw new EngineError('rejected', 'this Docker keeps images in containerd’s store, where they have other ids', {
    hint: 'In its daemon.json: "features": { "containerd-snapshotter": false }; or name another engine with --engine.',
  })
}

/** Podman makes up an id at every question; two old Docker engines of one machine share theirs, and have folders of their own. */
function dataIdOf(name: 'docker' | 'podman', text: (key: string) => string): string | null {
  const parts = name === 'docker' ? [text('ID'), text('DockerRootDir')] : [text('DockerRootDir')]
  return parts.includes('') ? null : [name, text('Name'), ...parts].join(' ')
}

interface PodmanHost {
  readonly security?: { readonly rootless?: boolean }
  readonly cgroupControllers?: readonly string[]
  readonly idMappings?: { readonly uidmap?: readonly { readonly size: number }[] | null }
}

/** Podman 4 tells only in its own API whether it is without root, and each only there what was delegated to it. Source: docs.podman.io, /libpod/info. */
async function podmanHost(docker: Dockerode, version: string, signal: AbortSignal): Promise<PodmanHost> {
  const path = `/v${version}/libpod/info`
  const { host } = await request<{ readonly host?: PodmanHost }>(docker, { method: 'GET', path, signal })
  return host ?? {}
}

async function listResources(
  docker: Dockerode,
  query: { readonly kind: ResourceKind; readonly labels: Labels; readonly signal: AbortSignal },
): Promise<readonly Resource[]> {
  const label = Object.entries(query.labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
  // Podman 4 refuses a filter for no label at all.
  const options = { ...(label.length > 0 ? { filters: { label } } : {}), abortSignal: query.signal }
  const { kind } = query
  switch (kind) {
    case 'container': {
      const found = await docker.listContainers({ ...options, all: true })
      return found.map((item) => ({
        kind,
        id: item.Id,
        name: (item.Names[0] ?? '').replace(/^\//, ''),
        labels: item.Labels,
      }))
    }
    case 'network': {
      const found = await docker.listNetworks(options)
      return found.map((item) => ({ kind, id: item.Id, name: item.Name, labels: item.Labels ?? {} }))
    }
    case 'volume': {
      const found = await docker.listVolumes(options)
      return (found.Volumes ?? []).map((item) => ({ kind, id: item.Name, name: item.Name, labels: item.Labels ?? {} }))
    }
    case 'image': {
      const found = await docker.listImages(options)
      return found.map((item) => ({
        kind,
        id: item.Id,
        name: item.RepoTags?.[0] ?? item.Id,
        labels: item.Labels ?? {},
      }))
    }
  }
}
