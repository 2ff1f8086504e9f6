/** A look at a nested engine that a project has had brought up, past the program. */
import { join } from 'node:path'
import { connectDocker, type DockerEngine } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { hostFolder } from '../../src/hosts/host-place.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'

const unhurried = { signal: new AbortController().signal }

/** @param name such as `docker-bullseye` */
export interface NestedHost {
  readonly root: string
  readonly name: string
}

/** Its container, and its volume, in the local engine. */
export const containerOf = ({ root, name }: NestedHost): string => `matrix-host-${projectIdOf(root)}-${name}`

export const socketOf = ({ root, name }: NestedHost): string =>
  join(hostFolder(process.env, projectIdOf(root), name), 'run/engine.sock')

/** Without bringing it up or mending it. */
export const inside = (host: NestedHost): DockerEngine => connectDocker(`unix://${socketOf(host)}`)

/** Resolves once a workload runs in the engine, or that of a cell: whose it is. */
export async function workloadRuns(engine: Engine, cell = ''): Promise<{ readonly id: string; readonly cell: string }> {
  for (;;) {
    for (const { id, labels } of await engine.list('container', { 'matrix.role': 'workload' }, unhurried)) {
      const { 'matrix.cell': own = '' } = labels
      if (cell !== '' && cell !== own) continue
      const state = await engine.containers.inspect(id, unhurried).catch(() => null)
      if (state?.status === 'running') return { id, cell: own }
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
