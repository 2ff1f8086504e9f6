/** Waits until the cluster has started a service's task on one of its machines. */
import { systemClock } from '../../lib/clock.ts'
import { oneLine } from '../../lib/printable.ts'
import { EngineError } from '../engine.ts'
import type { ApiTask } from './api.ts'
import type { Cluster, Place } from './cluster.ts'

/** How long a task may stay without a machine before the cluster is taken not to have one for it. */
const unplacedMs = 15_000
/** How long a machine may be silent about a task that it was given before it is asked whether it is there. */
export const silentMs = 2_000

const unplaced = ['new', 'pending']
const failed = ['failed', 'rejected', 'orphaned']

/**
 * Resolves when the task's container has started, also when it has ended since.
 * @param after an earlier task of the service, which does not count
 */
export async function startedTask(
  cluster: Cluster,
  service: string,
  options: { readonly signal: AbortSignal; readonly after?: string },
): Promise<Place> {
  const { signal } = options
  const startedAt = systemClock.now()
  let heardAt = startedAt
  let last = ''
  for (let waitMs = 20; ; waitMs = Math.min(waitMs * 1.5, 250)) {
    const task = await cluster.latestTask(service, signal)
    if (task !== undefined && task.ID !== options.after) {
      const place = await startedPlace(cluster, task, signal)
      if (place !== null) return place
      if (failed.includes(task.Status.State)) throw refusal(task)
      const node = (await cluster.ids(signal)).get(task.NodeID ?? '')
      const now = systemClock.now()
      if (task.Status.State !== last) {
        last = task.Status.State
        heardAt = now
      } else if (node !== undefined && now - heardAt > silentMs) {
        await cluster.assertInService(node, signal)
        heardAt = now
      }
      if (unplaced.includes(task.Status.State) && now - startedAt > unplacedMs) {
        const why = task.Status.Err ?? task.Status.Message ?? 'it gave no reason'
        throw new EngineError('failed', `the cluster has no machine for it: ${oneLine(why)}`)
      }
    }
    await systemClock.sleep(waitMs, signal)
  }
}

/** Null while its container was not started yet. */
async function startedPlace(cluster: Cluster, task: ApiTask, signal: AbortSignal): Promise<Place | null> {
  const containerId = task.Status.ContainerStatus?.ContainerID
  const node = (await cluster.ids(signal)).get(task.NodeID ?? '')
  if (!containerId || node === undefined) return null
  const state = await cluster.on(node, (engine) => engine.containers.inspect(containerId, { signal }))
  // One that could not be started has a time at which it ended, and none at which it began.
  return state.startedAt === null ? null : { node, containerId }
}

function refusal({ Status }: ApiTask): EngineError {
  const why = (Status.Err ?? Status.Message ?? Status.State).replace(/^starting container failed: /, '')
  if (Status.State === 'orphaned') return new EngineError('node-lost', `its machine has gone away: ${why}`)
  if (/No such image/i.test(why)) return new EngineError('not-found', why)
  // A rejected task was refused before anything ran; a failed one could not be started.
  return new EngineError(Status.State === 'rejected' ? 'rejected' : 'failed', why)
}
