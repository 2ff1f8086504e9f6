/** A look into the cluster that a project has had brought up, past the program. */
import { join } from 'node:path'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { connectSwarm } from '../../src/engines/swarm/connect.ts'
import { hostFolder, hostName } from '../../src/hosts/host-place.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import type { SwarmSpec } from '../../src/model/project.ts'

export const swarmSpec: SwarmSpec = { kind: 'swarm', release: 'trixie', nodes: 3 }
export const swarmYaml = 'engine: { provision: { kind: swarm, release: trixie, nodes: 3 } }'

const unhurried = { signal: new AbortController().signal }

/** Without bringing it up or mending it. */
export function clusterOf(root: string): Engine {
  return connectSwarm(machinesOf(root).map(({ name, endpoint }) => ({ name, engine: connectDocker(endpoint) })))
}

/** Its machines, a manager first, and where their own engines answer. */
export const machinesOf = (root: string): readonly { readonly name: string; readonly endpoint: string }[] =>
  nodeNumbers.map((number) => ({ name: `node-${number}`, endpoint: endpointOf(root, number) }))

/** The machine's container in the local engine. */
export function nodeContainer(root: string, node: string): string {
  return `matrix-host-${projectIdOf(root)}-${hostName(swarmSpec)}-${node.replace('node-', '')}`
}

/** Resolves once the cell's workload runs: on which machine. */
export async function machineOf(cluster: Engine, cell: string): Promise<string> {
  const labels = { 'matrix.cell': cell, 'matrix.role': 'workload' }
  for (;;) {
    for (const { id } of await cluster.list('container', labels, unhurried)) {
      const state = await cluster.containers.inspect(id, unhurried)
      if (state.status === 'running' && state.node !== null) return state.node
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const nodeNumbers = Array.from({ length: swarmSpec.nodes }, (_, index) => index + 1)

const endpointOf = (root: string, number: number): string =>
  `unix://${join(hostFolder(process.env, projectIdOf(root), hostName(swarmSpec)), String(number), 'run/engine.sock')}`
