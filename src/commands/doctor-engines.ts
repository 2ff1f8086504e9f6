/** What `matrix doctor` finds of engines: the one that a run would use, and those that environments connect to. */
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, type EngineAccess, EngineError, type EngineFacts } from '../engines/engine.ts'
import { startBlocker } from '../hosts/embedded.ts'
import { allHosts } from '../hosts/host-record.ts'
import { deadline } from '../lib/abort.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import type { Finding } from './doctor-hosts.ts'
import type { Io } from './io.ts'
import { enginesNamed, whoNames } from './named-engines.ts'
import { lookForEngine } from './open-engine.ts'

/** @param wanted as `--engine` names it */
export async function engineFindings(wanted: string | undefined, io: Io): Promise<readonly Finding[]> {
  const found = await lookForEngine(wanted, io)
  const name = 'engine'
  if (found.kind === 'refused') {
    return [{ name, state: 'missing', value: found.problem.message, mend: found.problem.hint }]
  }
  if (found.kind === 'found') return describeEngine(found, io)
  const tried = found.tried.map((line): Finding => ({ name, state: 'note', value: line }))
  const blocker = startBlocker(io.env, { mayInstall: false })
  return [
    ...tried,
    blocker === null
      ? { name, state: 'ok', value: 'none answers; matrix check starts one of its own' }
      : { name, state: 'missing', value: blocker.message, mend: blocker.hint },
  ]
}

async function describeEngine(
  found: { readonly endpoint: string; readonly access: EngineAccess; readonly how: string; readonly mend?: string },
  io: Io,
): Promise<readonly Finding[]> {
  const { endpoint, access, how, mend: ownMend = 'start it, or name another with --engine' } = found
  let facts: EngineFacts
  let unknown: readonly string[]
  try {
    await using engine = connectDocker(endpoint, access)
    using limit = deadline(10_000, io.signal)
    facts = await engine.facts({ signal: limit.signal })
    unknown = await unknownVolumes(engine, { env: io.env, signal: limit.signal })
  } catch (error) {
    io.signal.throwIfAborted()
    const mend = (error instanceof EngineError ? error.hint : undefined) ?? ownMend
    const message = error instanceof Error ? error.message : String(error)
    return [{ name: 'engine', state: 'missing', value: `${endpoint} (${how}): ${message}`, mend }]
  }
  const slow = facts.storageDriver === 'vfs'
  const mode = facts.rootless ? ', rootless' : ''
  return [
    {
      name: 'engine',
      state: 'ok',
      value: `${facts.name} ${facts.version} at ${endpoint} (${how}), cgroup ${facts.cgroup}, ${facts.ociRuntime}${mode}`,
    },
    {
      name: 'storage',
      state: slow ? 'note' : 'ok',
      value: facts.storageDriver,
      ...(slow ? { mend: 'every layer is copied; keep the engine’s data on a disk, not on an overlay' } : {}),
    },
    ...unknownFindings(unknown, endpoint),
  ]
}

/** Data of hosts that no project of this user is known to have, another user's perhaps. */
async function unknownVolumes(
  engine: Engine,
  { env, signal }: { readonly env: Io['env']; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const known = new Set(allHosts(env).map(({ root }) => projectIdOf(root)))
  const volumes = await engine.list('volume', { 'matrix.role': 'host' }, { signal })
  return volumes.filter(({ labels }) => !known.has(labels['matrix.project'] ?? '')).map(({ name }) => name)
}

function unknownFindings(volumes: readonly string[], endpoint: string): readonly Finding[] {
  const [first] = volumes
  if (first === undefined) return []
  const value = `${volumes.length} of hosts that no project of this user has, such as ${first}`
  const docker = `docker -H ${endpoint} volume`
  const mend = `${docker} ls --filter label=matrix.role=host names them; ${docker} rm where they are nobody’s`
  return [{ name: 'volumes', state: 'note', value, mend }]
}

/** Engines that environments connect to. Where one does not answer, only its cells are in trouble. */
export async function namedFindings({ environments }: Plan, io: Io): Promise<readonly Finding[]> {
  const all = [...enginesNamed(environments)].map(async ([name, ids]): Promise<readonly Finding[]> => {
    const found = await lookForEngine(name, io)
    if (found.kind === 'none') return []
    if (found.kind === 'refused') {
      const value = `of ${ids.join(', ')}: ${found.problem.message}`
      return [{ name: 'engine', state: 'note', value, mend: found.problem.hint }]
    }
    const [first] = await describeEngine({ ...found, ...whoNames(ids) }, io)
    return first === undefined ? [] : [{ ...first, state: first.state === 'missing' ? 'note' : first.state }]
  })
  return (await Promise.all(all)).flat()
}
