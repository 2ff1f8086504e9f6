/** The hosts of a project, as commands name them: by the environments that run on them; and whether the machine has room for them. */
import { loadProject } from '../config/load.ts'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { disksToBe, disksWith } from '../hosts/disks.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import type { FindResult } from '../hosts/find-engine.ts'
import type { HostStatus } from '../hosts/host.ts'
import { hostName } from '../hosts/host-place.ts'
import { forgetHost, forgetHosts, forsakenHosts, type HostRecord, knownHosts } from '../hosts/host-record.ts'
import { hostDown, hostRuns, hostStatus, hostUp } from '../hosts/kinds.ts'
import { runLives } from '../hosts/live-runs.ts'
import { ping } from '../hosts/ping.ts'
import { type RoomFor, roomFor } from '../hosts/room.ts'
import { ownIdentity } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import type { HostSpec, Project } from '../model/project.ts'
import { makePlan } from '../plan/plan.ts'
import type { Io } from './io.ts'
import { knownLimits } from './known-limits.ts'
import { lookForEngine, reportProblem } from './open-engine.ts'

export interface ProjectHost extends Omit<HostRecord, 'made'> {
  readonly name: string
  /** Environments that run on it; empty for one that no environment asks for any more. */
  readonly environments: readonly string[]
}

/** @param only ids of environments, or names of hosts; all where none is named. Null where the files have mistakes or a name is unknown. */
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
  const made = broughtUp(io)
  const names = [
    ...environments.flatMap(({ id, engine }) => (engine.kind === 'provision' ? [id, hostName(engine.spec)] : [id])),
    ...made.map(({ name }) => name),
  ]
  const unknown = only.filter((name) => !names.includes(name))
  for (const name of unknown) {
    const known = [...new Set(names)].join(', ')
    io.stderr(printable(`matrix: there is no environment and no host "${name}"; there are: ${known || 'none'}\n`))
  }
  if (unknown.length > 0) return null
  // What an environment is called means that one, whatever a host is called.
  const hostsNamed = only.filter((name) => !environments.some(({ id }) => id === name))
  const isMeant = (host: string, id?: string) =>
    only.length === 0 || hostsNamed.includes(host) || (id !== undefined && only.includes(id))
  const hosts = new Map<string, { spec: HostSpec; environments: string[] }>()
  for (const { id, engine } of environments) {
    if (engine.kind !== 'provision') continue
    const name = hostName(engine.spec)
    if (!isMeant(name, id)) continue
    const host = hosts.get(name) ?? { spec: engine.spec, environments: [] }
    host.environments.push(id)
    hosts.set(name, host)
  }
  const others = made.filter(({ name }) => !hosts.has(name) && isMeant(name))
  const engineOf = (name: string) => made.find((host) => host.name === name)?.engine ?? null
  const asked = [...hosts].map(([name, host]) => ({ name, ...host, root: io.cwd, engine: engineOf(name) }))
  return { project: loaded.project, hosts: [...asked, ...others] }
}

/** Those that this project has had brought up and not taken away, whatever its files say. */
export const broughtUp = (io: Io): readonly ProjectHost[] => knownHosts(io.env, io.cwd).map(named)

/** Those of projects whose folder is no longer there. @param silentToo where their engine does not answer too */
export async function forsaken(
  io: Io,
  { silentToo }: { readonly silentToo: boolean },
): Promise<readonly ProjectHost[]> {
  const all = forsakenHosts(io.env).map(named)
  const reached = await Promise.all(
    all.map(async ({ engine }) => silentToo || engine === null || (await ping(engine, io)).answers),
  )
  return all.filter((_, index) => reached[index])
}

const named = (record: HostRecord): ProjectHost => ({ ...record, name: hostName(record.spec), environments: [] })

/** The engine that nested hosts are containers of. It need not answer: a virtual machine runs without one. */
export function localEngine(found: FindResult, io: Io): Engine {
  return found.kind === 'found'
    ? connectDocker(found.endpoint, found.access)
    : connectDocker(embeddedPaths(io.env).endpoint)
}

/** Whether this machine has room for these hosts; starts nothing. @param images how many images each is going to hold */
export async function roomForHosts(
  specs: readonly HostSpec[],
  { images, engine, io }: { readonly images: number; readonly engine: string | undefined; readonly io: Io },
): Promise<RoomFor> {
  const { env, cwd: root } = io
  if (specs.length === 0) {
    return roomFor([], { env, root, images, disks: { engine: null, own: null }, running: new Set() })
  }
  const found = await lookForEngine(engine, io)
  await using local = localEngine(found, io)
  const disks = found.kind === 'none' ? disksToBe(env) : await disksWith(local, io)
  const wanted = new Set(specs.map(hostName))
  const made = broughtUp(io).filter(({ name }) => wanted.has(name))
  const asked = made.map(async (host) =>
    (await hostRuns(askFor(host, { local, mayInstall: false, io }))) ? [host.name] : [],
  )
  return roomFor(specs, { env, root, images, disks, running: new Set((await Promise.all(asked)).flat()) })
}

/** The same for the hosts that the plan's cells run on. */
export async function roomForPlan(plan: Plan, options: { readonly engine?: string }, io: Io): Promise<RoomFor> {
  const used = new Set(plan.cells.flatMap((cell) => (cell.kind === 'run' ? [cell.environment] : [])))
  const specs = plan.environments.flatMap(({ id, engine }) =>
    engine.kind === 'provision' && used.has(id) ? [engine.spec] : [],
  )
  return roomForHosts(specs, { images: plan.builds.length, engine: options.engine, io })
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
  root: host.root,
  local,
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

interface DownOptions extends HostOptions {
  readonly purge: boolean
  /** The embedded engine goes afterwards, with all that is in it. */
  readonly withEmbedded: boolean
}

/** `met`: how many of them were there at all. */
export async function takeDown(
  hosts: readonly ProjectHost[],
  options: DownOptions,
): Promise<{ readonly code: number; readonly met: number }> {
  const { io, purge } = options
  const own = projectIdOf(io.cwd)
  const busy = await rootsWithRuns(hosts, options)
  for (const root of busy) {
    const whose = projectIdOf(root) === own ? 'this project' : root
    io.stderr(printable(`matrix: a run of ${whose} lives, so its hosts stay; run this again when that has ended\n`))
  }
  let code = busy.size > 0 ? 3 : 0
  let met = busy.size
  for (const host of hosts.filter(({ root }) => !busy.has(root))) {
    const already = await goesWithEmbedded(host, options)
    if (already) forgetHost(io.env, host)
    const wasThere = host.engine !== null || (await hostStatus(askFor(host, options))).state !== 'absent'
    const problem = already ? null : await hostDown(askFor(host, options), { purge })
    const whose = projectIdOf(host.root) === own ? '' : ` of ${host.root}`
    if (problem !== null) code = Math.max(code, reportProblem(problem, io))
    else if (wasThere) io.stdout(printable(`${purge ? 'took away' : 'stopped'} ${host.name}${whose}\n`))
    if (problem !== null || wasThere) met += 1
    if (purge) forgetHosts(io.env, host.root)
  }
  return { code, met }
}

/** Projects of these hosts of which a run lives, so that they have to stay. */
async function rootsWithRuns(hosts: readonly ProjectHost[], { local, io }: HostOptions): Promise<ReadonlySet<string>> {
  const roots = new Set<string>()
  for (const { root, engine } of hosts) {
    if (roots.has(root)) continue
    await using other = engine === null || engine === local.endpoint ? null : connectDocker(engine)
    try {
      if (await runLives(other ?? local, { root, env: io.env, signal: io.signal })) roots.add(root)
    } catch (error) {
      if (!(error instanceof EngineError && error.code === 'unreachable')) throw error
    }
  }
  return roots
}

/** What is in an embedded engine that does not run needs no more than that its data go. */
async function goesWithEmbedded({ engine }: ProjectHost, { withEmbedded, purge, io }: DownOptions): Promise<boolean> {
  const { endpoint } = embeddedPaths(io.env)
  return purge && withEmbedded && engine === endpoint && !(await ping(endpoint, io)).answers
}

export interface HostState extends ProjectHost {
  readonly status: HostStatus
}

export async function statesOf(hosts: readonly ProjectHost[], options: HostOptions): Promise<readonly HostState[]> {
  return Promise.all(hosts.map(async (host) => ({ ...host, status: await hostStatus(askFor(host, options)) })))
}
