/** Changes to a service that is there. */
import { type CallOptions, EngineError } from '../engine.ts'
import type { ApiService, ServiceSpec } from './api.ts'
import type { Cluster } from './cluster.ts'

export async function updateService(
  cluster: Cluster,
  id: string,
  options: CallOptions & { readonly change: (spec: ServiceSpec) => ServiceSpec },
): Promise<void> {
  const { signal } = options
  const { engine } = cluster.manager
  const path = `/services/${encodeURIComponent(id)}`
  for (;;) {
    const { ID, Spec, Version } = await engine.ask<ApiService>({ method: 'GET', path, signal })
    const update = `/services/${ID}/update?version=${Version.Index}`
    try {
      await engine.ask({ method: 'POST', path: update, body: options.change(Spec), signal })
      return
    } catch (error) {
      // The manager writes into a service too, such as how an update of it goes.
      if (!(error instanceof EngineError) || !error.message.includes('update out of sequence')) throw error
    }
  }
}
