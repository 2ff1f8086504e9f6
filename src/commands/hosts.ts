/** The hosts of a project, as commands name them: by the environments that run on them; and whether the machine has room for them. */
import { loadProject } from '../config/load.ts'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import type { FindResult } from '../hosts/find-engine.ts'
import type { HostStatus } from '../hosts/host.ts'
import { hostName } from '../hosts/host-place.ts'
import { forgetHosts, hostDown, hostStatus, hostUp, knownHosts, roomFor } from '../hosts/kinds.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import type { HostSpec, Project } from '../model/project.ts'
import { makePlan } from '../plan/plan.ts'
import type { Io } from './io.ts'
import { knownLimits } from './known-limits.ts'
import { reportProblem } from './open-engine.ts'

export interface ProjectHost {
  readonly name: string
  readonly spec: HostSpec
  /** Environments that run on it; empty for one that no environment asks for any more. */
  readonly environments: readonly string[]
}

/** @param only ids of environments; all where none is named. Null where the files have mistakes or a name is unknown. */
export async function projectHosts(only: readonly string[], io: Io): Promise<readonly ProjectHost[] | null> {
  return (await projectWithHosts(only, io))?.hosts ?? null
}

/** The same, and the project that they belong to. */
export async function projectWithHosts(
  only: readonly string[],
  io: Io,
): Promise<{ readonly project: Project; readonly hosts: readonly ProjectHost[] } | null> {
  const loaded = await loadProject(io.cwd, { env: io.env })
  if (!loaded.ok) {
    io.stderr('matrix: the project has mistakes; matrix validate shows them\n')
    return null
  }
  const { environments } = loaded.project
  const unknown = only.filter((id) => !environments.some((environment) => environment.id === id))
  for (const id of unknown) {
    const known = environments.map((environment) => environment.id).join(', ')
    io.stderr(printable(`matrix: there is no environment "${id}"; there are: ${known || 'none'}\n`))
  }
  if (unknown.length > 0) return null
  const hosts = new Map<string, { spec: HostSpec; environments: string[] }>()
  for (const { id, engine } of environments) {
    if (engine.kind !== 'provision' || (only.length > 0 && !only.includes(id))) continue
    const name = hostName(engine.spec)
    const host = hosts.get(name) ?? { spec: engine.spec, environments: [] }
    host.environments.push(id)
    hosts.set(name, host)
  }
  const others = only.length > 0 ? [] : broughtUp(io).filter(({ name }) => !hosts.has(name))
  const named = [...hosts].map(([name, host]) => ({ name, ...host }))
  return { project: loaded.project, hosts: [...named, ...others] }
}

/** Those that this project has had brought up and not taken away, whatever its files say. */
export function broughtUp(io: Io): readonly ProjectHost[] {
  return knownHosts(io.env, projectIdOf(io.cwd)).map((spec) => ({ name: hostName(spec), spec, environments: [] }))
}

/** The engine that nested hosts are containers of. It need not answer: a virtual machine runs without one. */
export function localEngine(found: FindResult, io: Io): Engine {
  return found.kind === 'found'
    ? connectDocker(found.endpoint, found.access)
    : connectDocker(embeddedPaths(io.env).endpoint)
}

/** Whether this machine has room for the hosts that the plan's cells still have to get. */
export function roomForPlan(plan: Plan, io: Io): ReturnType<typeof roomFor> {
  const used = new Set(plan.cells.flatMap((cell) => (cell.kind === 'run' ? [cell.environment] : [])))
  const specs = plan.environments.flatMap(({ id, engine }) =>
    engine.kind === 'provision' && used.has(id) ? [engine.spec] : [],
  )
  return roomFor(specs, { env: io.env, project: plan.project.id, images: plan.builds.length })
}

/** The whole of a project. */
export const wholePlan = (project: Project): Plan =>
  makePlan(project, { chosen: () => true, unsupported: ({ engine }) => knownLimits(engine) })

interface HostOptions {
  readonly local: Engine
  readonly mayInstall: boolean
  readonly io: Io
}

const askFor = (host: ProjectHost, { local, mayInstall, io }: HostOptions) => ({
  spec: host.spec,
  local,
  project: projectIdOf(io.cwd),
  owner: ownIdentity(),
  env: io.env,
  mayInstall,
  signal: io.signal,
  connect: connectDocker,
  onProgress: (text: string) => io.stderr(printable(`${text}\n`)),
})

/** Exit 0 once all of them answer. One that cannot be had does not keep the others from coming up. */
export async function bringUp(hosts: readonly ProjectHost[], options: HostOptions): Promise<number> {
  const { io } = options
  let code = 0
  for (const host of hosts) {
    const up = await hostUp(askFor(host, options))
    if (up.ok) io.stdout(printable(`${host.name} is up, for ${host.environments.join(', ') || 'no environment'}\n`))
    else code = Math.max(code, reportProblem(up.problem, io))
  }
  return code
}

export async function takeDown(
  hosts: readonly ProjectHost[],
  options: HostOptions & { readonly purge: boolean },
): Promise<number> {
  const { io, purge } = options
  const { local } = options
  if (hosts.length > 0 && (await ownRunLives(local, io))) {
    io.stderr('matrix: a run of this project lives, so its hosts stay; run this again when that has ended\n')
    return 3
  }
  let code = 0
  for (const host of hosts) {
    const problem = await hostDown(askFor(host, options), { purge })
    if (problem === null) io.stdout(printable(`${purge ? 'took away' : 'stopped'} ${host.name}\n`))
    else code = Math.max(code, reportProblem(problem, io))
  }
  if (purge) forgetHosts(io.env, projectIdOf(io.cwd))
  return code
}

export interface HostState extends ProjectHost {
  readonly status: HostStatus
}

export async function statesOf(hosts: readonly ProjectHost[], options: HostOptions): Promise<readonly HostState[]> {
  return Promise.all(hosts.map(async (host) => ({ ...host, status: await hostStatus(askFor(host, options)) })))
}

/** Whether a run of this project lives on the engine, so that its hosts have to stay. */
async function ownRunLives(engine: Engine, io: Io): Promise<boolean> {
  const labels = { 'matrix.project': projectIdOf(io.cwd), 'matrix.run': '' }
  const mine = await engine.list('container', labels, io).catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'unreachable') return []
    throw error
  })
  return mine.some(({ labels }) => ownerState(labels['matrix.owner'] ?? '') === 'alive')
}
