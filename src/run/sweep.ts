/** Removes what dead runs of a project left in an engine, and never touches a run that lives. */
import { type Engine, EngineError, type Resource, type ResourceKind } from '../engines/engine.ts'
import type { OwnerState } from '../lib/owner.ts'

export interface SweepRequest {
  /** `matrix.project`. */
  readonly project: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** What can be said from here about the process that a label names. */
  readonly ownerState: (owner: string) => OwnerState
  /** Hosts and images of the project too. */
  readonly all: boolean
  readonly signal: AbortSignal
}
export interface SweepResult {
  readonly removed: readonly Resource[]
  readonly failed: readonly { readonly resource: Resource; readonly error: EngineError }[]
}

// What uses something else goes before it.
const order: readonly ResourceKind[] = ['container', 'network', 'volume', 'image']
const atATime = 8

/** Rejects with `EngineError` where the engine cannot be asked, and with the signal's reason. */
export async function sweep(engine: Engine, request: SweepRequest): Promise<SweepResult> {
  const removed: Resource[] = []
  const failed: { resource: Resource; error: EngineError }[] = []
  let runs = false
  for (const kind of order) {
    // A run that lives is about to start containers of the project's images.
    if (kind === 'image' && (!request.all || runs)) continue
    const found = await engine.list(kind, { 'matrix.project': request.project }, request)
    runs ||= found.some((resource) => request.ownerState(resource.labels['matrix.owner'] ?? '') === 'alive')
    const mine = found.filter((resource) => isLeftover(resource, request))
    for (let start = 0; start < mine.length; start += atATime) {
      await Promise.all(
        mine.slice(start, start + atATime).map(async (resource) => {
          const error = await remove(engine, { resource, signal: request.signal })
          if (error === null) removed.push(resource)
          else failed.push({ resource, error })
        }),
      )
    }
  }
  return { removed, failed }
}

/** Removes everything that carries the label of this run. Never rejects. */
export async function removeRun(
  engine: Engine,
  options: { readonly run: string; readonly signal: AbortSignal },
): Promise<readonly { readonly what: string; readonly error: unknown }[]> {
  const failures: { what: string; error: unknown }[] = []
  try {
    for (const kind of order) {
      if (kind === 'image') continue
      const found = await engine.list(kind, { 'matrix.run': options.run }, options)
      for (const resource of found) {
        const error = await remove(engine, { resource, signal: options.signal })
        if (error !== null) failures.push({ what: `${kind} ${resource.name}`, error })
      }
    }
  } catch (error) {
    failures.push({ what: `what is left on ${engine.endpoint}`, error })
  }
  return failures
}

/**
 * Whether nobody needs it any more: its owner is dead here, or is elsewhere and past its deadline.
 * A host outlives its run, and an image serves the next one; they go with `all` only, and not while their owner lives.
 */
export function isLeftover(
  resource: Pick<Resource, 'kind' | 'labels'>,
  request: Pick<SweepRequest, 'project' | 'nowMs' | 'ownerState' | 'all'>,
): boolean {
  const { labels, kind } = resource
  if (labels['matrix.project'] !== request.project) return false
  const outlivesRuns = kind === 'image' || labels['matrix.role'] === 'host'
  if (outlivesRuns) return request.all && request.ownerState(labels['matrix.owner'] ?? '') !== 'alive'
  switch (request.ownerState(labels['matrix.owner'] ?? '')) {
    case 'alive':
      return false
    case 'dead':
      return true
    case 'elsewhere': {
      const deadlineMs = Number(labels['matrix.deadline'])
      return Number.isFinite(deadlineMs) && deadlineMs < request.nowMs
    }
  }
}

async function remove(
  engine: Engine,
  options: { readonly resource: Resource; readonly signal: AbortSignal },
): Promise<EngineError | null> {
  const { kind, id } = options.resource
  try {
    switch (kind) {
      case 'container':
        await engine.containers.remove(id, options)
        return null
      case 'network':
        await engine.networks.remove(id, options)
        return null
      case 'volume':
        await engine.volumes.remove(id, options)
        return null
      case 'image':
        await engine.images.remove(id, options)
        return null
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    // Somebody else's sweep was quicker.
    return error.code === 'not-found' ? null : error
  }
}
