/** `matrix env`: the engine and the hosts that Matrix runs itself, up, down and how they stand. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadProject } from '../config/load.ts'
import { type Engine, EngineError, type EngineFacts } from '../engines/engine.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import { embeddedPid } from '../hosts/embedded-process.ts'
import type { FindResult } from '../hosts/find-engine.ts'
import { ping, silenceAsWords } from '../hosts/ping.ts'
import type { HostProblem } from '../hosts/problem.ts'
import { ensureBase } from '../images/bases.ts'
import { printable } from '../lib/printable.ts'
import { endEmbedded } from './end-embedded.ts'
import {
  bringUp,
  broughtUp,
  localEngine,
  type ProjectHost,
  projectHosts,
  projectWithHosts,
  roomForHosts,
  statesOf,
  takeDown,
  wholePlan,
} from './hosts.ts'
import type { Io } from './io.ts'
import { lookForEngine, openEngine, reportProblem } from './open-engine.ts'

export interface EnvUpOptions {
  /** Ids of environments whose hosts are meant; all where none is named. */
  readonly environments?: readonly string[]
  /** False: the engine alone. */
  readonly hosts?: boolean
  readonly engine?: string
  readonly install?: boolean
  /** Makes the project's base images too. */
  readonly bases?: boolean
}

/** Exit 0 once the engine and the hosts answer, 2 or 3 where one cannot. */
export async function runEnvUp(options: EnvUpOptions, io: Io): Promise<number> {
  const say = (text: string) => io.stderr(printable(`${text}\n`))
  const wanted = options.hosts === false ? { hosts: [], problem: null } : await wantedHosts(options, io)
  if (wanted === null) return 2
  if (wanted.problem !== null) return reportProblem(wanted.problem, io)
  const opened = await openEngine({ ...options, onProgress: say }, io)
  if (!opened.ok) return reportProblem(opened.problem, io)
  await using engine = opened.engine
  let facts: EngineFacts
  try {
    facts = await engine.facts({ signal: io.signal })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return reportProblem(
      { kind: 'machine', message: error.message, hint: error.hint ?? 'matrix doctor says more.' },
      io,
    )
  }
  io.stdout(printable(`${facts.name} ${facts.version} at ${engine.endpoint} (${opened.how})\n`))
  if (options.bases === true) {
    const code = await makeBases(engine, { mayBootstrap: opened.ours, io, say })
    if (code !== 0) return code
  }
  return await bringUp(wanted.hosts, { local: engine, mayInstall: options.install === true, io })
}

/** Null where the files have mistakes; `problem` where this machine has no room for all of them. */
async function wantedHosts(
  options: EnvUpOptions,
  io: Io,
): Promise<{ readonly hosts: readonly ProjectHost[]; readonly problem: HostProblem | null } | null> {
  const found = await projectWithHosts(options.environments ?? [], io)
  if (found === null) return null
  const { hosts, project } = found
  const images = wholePlan(project).builds.length
  const specs = hosts.map(({ spec }) => spec)
  const { problem, unknown } = await roomForHosts(specs, { images, engine: options.engine, io })
  if (unknown !== null) io.stderr(printable(`${unknown}\n`))
  return { hosts, problem }
}

async function makeBases(
  engine: Engine,
  options: { readonly mayBootstrap: boolean; readonly io: Io; readonly say: (text: string) => void },
): Promise<number> {
  const { io, say } = options
  const loaded = await loadProject(io.cwd, { env: io.env })
  if (!loaded.ok) {
    say('matrix: the project has mistakes; matrix validate shows them')
    return 2
  }
  for (const [reference, recipe] of Object.entries(loaded.project.bases)) {
    try {
      const { mayBootstrap } = options
      const base = await ensureBase(engine, { reference, recipe, mayBootstrap, signal: io.signal, onProgress: say })
      say(`${reference}: ${base.record.message}`)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return reportProblem({ kind: 'machine', message: error.message, hint: error.hint ?? '' }, io)
    }
  }
  return 0
}

export interface EnvDownOptions {
  /** Ids of environments whose hosts are meant, or names of hosts; all, and the embedded engine too, where none is named. */
  readonly environments?: readonly string[]
  readonly engine?: string
  readonly purge?: boolean
}

/** Stops hosts and the embedded engine, that one by its pid; an engine of the user's is never touched. */
export async function runEnvDown(options: EnvDownOptions, io: Io): Promise<number> {
  const { environments = [] } = options
  const purge = options.purge === true
  const withEmbedded = environments.length === 0
  // What was brought up is known whatever mistakes the files have by now.
  const hosts = (await projectHosts(environments, io)) ?? (withEmbedded ? broughtUp(io) : null)
  if (hosts === null) return 2
  const { code, met } = await downHosts(hosts, { ...options, purge, withEmbedded, io })
  if (!withEmbedded) {
    const names = printable(environments.join(', '))
    if (met === 0 && code === 0) io.stderr(`matrix: no host is brought up for ${names}, so there is none to stop\n`)
    return code
  }
  return Math.max(code, await endEmbedded(io, { purge }))
}

async function downHosts(
  hosts: readonly ProjectHost[],
  options: { readonly engine?: string; readonly purge: boolean; readonly withEmbedded: boolean; readonly io: Io },
): Promise<{ readonly code: number; readonly met: number }> {
  const { io, purge } = options
  if (hosts.length === 0) return { code: 0, met: 0 }
  const found = await lookForEngine(options.engine, io)
  if (found.kind === 'refused') return { code: reportProblem(found.problem, io), met: 0 }
  await using local = localEngine(found, io)
  // One that was never made is nowhere, unless the engine that a run would use knows better.
  const there =
    found.kind === 'found' ? hosts : hosts.filter(({ spec, engine }) => spec.kind === 'vm' || engine !== null)
  return await takeDown(there, { local, mayInstall: false, purge, withEmbedded: options.withEmbedded, io })
}

/** As `--json` prints it. */
interface ToldHost {
  readonly name: string
  readonly environments: readonly string[]
  readonly state: string
  readonly message: string
  /** That it is a container of; null for one that needs none, or was not made yet. */
  readonly engine: string | null
}

export interface EnvStatusOptions {
  readonly engine?: string
  readonly json?: boolean
}

/** What a run would use, the hosts, and the embedded engine; starts nothing. */
export async function runEnvStatus(options: EnvStatusOptions, io: Io): Promise<number> {
  const { env, signal } = io
  const paths = embeddedPaths(env)
  const found = await lookForEngine(options.engine, io)
  const pid = embeddedPid(paths)
  const answer = pid === null ? null : await ping(paths.endpoint, { signal })
  const used = found.kind === 'found' ? { endpoint: found.endpoint, how: found.how } : null
  const embedded = {
    running: pid !== null,
    answers: answer?.answers === true,
    pid,
    endpoint: paths.endpoint,
    data: paths.dataRoot,
    log: paths.log,
  }
  const hosts = await hostStates(found, io)
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ used, embedded, hosts }, null, 2)}\n`)
  } else {
    const state = answer === null ? 'not running' : `pid ${pid}, ${answer.answers ? 'answers' : silenceAsWords(answer)}`
    io.stdout(
      printable(
        `embedded engine: ${state}\n  socket ${paths.socket}\n  data   ${paths.dataRoot}\n  log    ${paths.log}\n`,
      ),
    )
    const nothingUsed = found.kind === 'refused' ? 'none' : 'none yet; matrix env up starts one'
    io.stdout(printable(`a run would use: ${used === null ? nothingUsed : `${used.endpoint} (${used.how})`}\n`))
    for (const { name, environments, state, message, engine } of hosts) {
      const elsewhere = engine === null || engine === used?.endpoint ? '' : `; it is in ${engine}`
      io.stdout(
        printable(`host ${name} (${environments.join(', ') || 'no environment'}): ${state}, ${message}${elsewhere}\n`),
      )
    }
  }
  return found.kind === 'refused' ? reportProblem(found.problem, io) : 0
}

async function hostStates(found: FindResult, io: Io): Promise<readonly ToldHost[]> {
  // What was brought up is known whatever the files say by now.
  const isProject = existsSync(join(io.cwd, 'environments'))
  const hosts = (isProject ? await projectHosts([], io) : null) ?? broughtUp(io)
  if (hosts.length === 0) return []
  await using local = localEngine(found, io)
  const states = await statesOf(hosts, { local, mayInstall: false, io })
  return states.map(({ name, environments, engine, status: { state, message } }) => ({
    name,
    environments,
    state,
    message,
    engine,
  }))
}
