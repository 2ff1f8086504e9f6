/** Starts a service anew whose container was stopped. */
import { systemClock } from '../../lib/clock.ts'
import type { ApiTask, ServiceSpec } from './api.ts'
import type { Cluster, Place } from './cluster.ts'
import { meetNeighbours } from './neighbours.ts'
import { updateService } from './services.ts'
import { silentMs, startedTask } from './tasks.ts'

/** A cluster restarts by another task. It stays on its machine, where its named volumes are. */
export async function startAgain(
  cluster: Cluster,
  id: string,
  { place, signal }: { readonly place: Place; readonly signal: AbortSignal },
): Promise<void> {
  const nodeId = [...(await cluster.ids(signal))].find(([, node]) => node === place.node)?.[0] ?? ''
  const before = await shutDownTask(cluster, id, { place, signal })
  const again = (spec: ServiceSpec): ServiceSpec => ({
    ...spec,
    TaskTemplate: {
      ...spec.TaskTemplate,
      Placement: { ...spec.TaskTemplate.Placement, Constraints: [`node.id==${nodeId}`] },
      ForceUpdate: (spec.TaskTemplate.ForceUpdate ?? 0) + 1,
    },
  })
  await updateService(cluster, id, { change: again, signal })
  const after = before === undefined ? {} : { after: before.ID }
  const started = await startedTask(cluster, id, { signal, ...after })
  cluster.place(id, started)
  await meetNeighbours(cluster, id, { place: started, signal })
}

/**
 * The task of the stopped container, once the manager has shut it down. Were the service updated before that, the manager
 * would find the task shut down under its hands and pause the update for good.
 * Source: swarmkit's updater, "was already shut down when reached by updater".
 */
async function shutDownTask(
  cluster: Cluster,
  id: string,
  { place, signal }: { readonly place: Place; readonly signal: AbortSignal },
): Promise<ApiTask | undefined> {
  let heardAt = systemClock.now()
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 250)) {
    const task = await cluster.latestTask(id, signal)
    if (task === undefined || !comesUp.includes(task.DesiredState)) return task
    if (systemClock.now() - heardAt > silentMs) {
      await cluster.assertInService(place.node, signal)
      heardAt = systemClock.now()
    }
    await systemClock.sleep(waitMs, signal)
  }
}

const comesUp = ['ready', 'running']
