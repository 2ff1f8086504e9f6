/** Finds the engine to use: the one that is named, else a local one that answers. A remote one is never guessed at. */
import { join } from 'node:path'
import type { EngineAccess } from '../engines/engine.ts'
import { type ClientFiles, currentContext } from './docker-context.ts'
import { accessTo, namedEndpoint } from './endpoint-access.ts'
import { ping } from './ping.ts'
import type { HostProblem } from './problem.ts'

export interface FindRequest extends ClientFiles {
  /** What `--engine` says: an endpoint or `context:NAME`. */
  readonly named?: string
  readonly signal: AbortSignal
  /** Endpoints to try where nothing is named; the usual local sockets where absent. */
  readonly sockets?: readonly string[]
}
export type FindResult =
  /** `endpoint` is named and was not asked yet, or it is a local socket that answers. */
  | { readonly kind: 'found'; readonly endpoint: string; readonly access: EngineAccess; readonly how: string }
  | { readonly kind: 'none'; readonly tried: readonly string[] }
  | { readonly kind: 'refused'; readonly problem: HostProblem }

/** In the order: `--engine`, DOCKER_HOST, a local current context, the usual local sockets. Rejects only with the signal's reason. */
export async function findEngine(request: FindRequest): Promise<FindResult> {
  const { named, env, signal } = request
  if (named !== undefined) return namedEngine(named, request)
  const host = env['DOCKER_HOST']
  if (host) return { kind: 'found', endpoint: host, access: accessTo(host, request), how: 'DOCKER_HOST' }
  const tried: string[] = []
  const context = currentContext(request)
  if (context !== null) {
    if (context.host !== null && !isLocal(context.host))
      return { kind: 'refused', problem: remoteContext(context.name) }
    const answer = context.host === null ? null : await ping(context.host, { signal })
    if (context.host !== null && answer?.answers) {
      return { kind: 'found', endpoint: context.host, access: {}, how: `the current context ${context.name}` }
    }
    tried.push(`context ${context.name}: ${answer?.answers === false ? answer.message : 'not defined'}`)
  }
  for (const endpoint of request.sockets ?? usualSockets(request)) {
    const answer = await ping(endpoint, { signal })
    if (answer.answers) return { kind: 'found', endpoint, access: {}, how: 'a local socket' }
    if (answer.why !== 'absent') tried.push(`${endpoint}: ${answer.message}`)
  }
  return { kind: 'none', tried }
}

/** Where Docker, rootless Docker, Docker Desktop and Podman listen on a machine of one's own. */
export function usualSockets({ env, home }: ClientFiles): readonly string[] {
  const runtime = env['XDG_RUNTIME_DIR']
  const paths = [
    '/var/run/docker.sock',
    ...(runtime ? [join(runtime, 'docker.sock')] : []),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
    ...(runtime ? [join(runtime, 'podman/podman.sock')] : []),
    '/run/podman/podman.sock',
  ]
  return paths.map((path) => `unix://${path}`)
}

// A port on the loopback may be the near end of a tunnel to production.
const isLocal = (host: string): boolean => host.startsWith('unix://') || host.startsWith('npipe://')

function namedEngine(named: string, files: ClientFiles): FindResult {
  const found = namedEndpoint(named, files)
  if (!found.ok) return { kind: 'refused', problem: found.problem }
  const how = named.startsWith('context:') ? `--engine ${named}` : '--engine'
  return { kind: 'found', endpoint: found.endpoint, access: found.access, how }
}

function remoteContext(name: string): HostProblem {
  return {
    kind: 'usage',
    message: `the current Docker context, ${name}, is on another machine; it is not used unless it is named, for it may be production`,
    hint: `Run again with --engine context:${name} to use it, or run: docker context use default`,
  }
}
