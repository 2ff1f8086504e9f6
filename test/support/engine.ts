/** The engine that tests run on: the one that the program itself would use. */
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine, Resource, ResourceKind } from '../../src/engines/engine.ts'
import { projectIdOf } from '../../src/lib/project-id.ts'
import { matrix } from './matrix.ts'

const unhurried = new AbortController().signal

/** @throws where no engine answers: a level that needs one must not pass without it. */
export async function testEngine(): Promise<Engine> {
  endpoint ??= endpointInUse()
  return connectDocker(await endpoint)
}

/** Asked once a file. */
let endpoint: Promise<string> | undefined
async function endpointInUse(): Promise<string> {
  const { stdout, stderr } = await matrix(['env', 'status', '--json'], { cwd: '/' })
  const { used } = JSON.parse(stdout) as { readonly used: { readonly endpoint: string } | null }
  if (used === null) throw new Error(`no engine answers; run matrix env up --install first\n${stderr}`)
  return used.endpoint
}

const kinds: readonly ResourceKind[] = ['container', 'network', 'volume']

/** What runs of a project left behind. */
export async function leftovers(engine: Engine, root: string): Promise<readonly Resource[]> {
  const label = { 'matrix.project': projectIdOf(root) }
  return (await Promise.all(kinds.map((kind) => engine.list(kind, label, { signal: unhurried })))).flat()
}
