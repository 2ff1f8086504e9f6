/** `matrix env`: the engine that Matrix runs itself, up, down and how it stands. */
import { loadProject } from '../config/load.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { stopEmbedded } from '../hosts/embedded-down.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import { embeddedPid } from '../hosts/embedded-process.ts'
import { ping } from '../hosts/ping.ts'
import { ensureBase } from '../images/bases.ts'
import { printable } from '../lib/printable.ts'
import type { Io } from './io.ts'
import { lookForEngine, openEngine, reportProblem } from './open-engine.ts'

export interface EnvUpOptions {
  readonly engine?: string
  readonly install?: boolean
  /** Makes the project's base images too. */
  readonly bases?: boolean
}

/** Exit 0 once an engine answers, 2 or 3 where none can. */
export async function runEnvUp(options: EnvUpOptions, io: Io): Promise<number> {
  const say = (text: string) => io.stderr(printable(`${text}\n`))
  const opened = await openEngine({ ...options, onProgress: say }, io)
  if (!opened.ok) return reportProblem(opened.problem, io)
  await using engine = opened.engine
  const facts = await engine.facts({ signal: io.signal })
  io.stdout(printable(`${facts.name} ${facts.version} at ${engine.endpoint} (${opened.how})\n`))
  return options.bases === true ? makeBases(engine, { mayBootstrap: opened.ours, io, say }) : 0
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
  readonly purge?: boolean
}

/** Stops the embedded engine by its pid; an engine of the user's is never touched. */
export async function runEnvDown(options: EnvDownOptions, io: Io): Promise<number> {
  const paths = embeddedPaths(io.env)
  const result = await stopEmbedded({ env: io.env, purge: options.purge === true, signal: io.signal })
  if (!result.ok) return reportProblem(result.problem, io)
  io.stdout(result.stopped ? `stopped the embedded engine at ${paths.endpoint}\n` : 'no embedded engine was running\n')
  if (result.purged) io.stdout(`deleted ${paths.dataRoot}\n`)
  return 0
}

export interface EnvStatusOptions {
  readonly engine?: string
  readonly json?: boolean
}

/** What a run would use, and the embedded engine; starts nothing. */
export async function runEnvStatus(options: EnvStatusOptions, io: Io): Promise<number> {
  const { env, signal } = io
  const paths = embeddedPaths(env)
  const found = await lookForEngine(options.engine, io)
  const pid = embeddedPid(paths)
  const answers = pid !== null && (await ping(paths.endpoint, { signal })).answers
  const used = found.kind === 'found' ? { endpoint: found.endpoint, how: found.how } : null
  const embedded = {
    running: pid !== null,
    answers,
    pid,
    endpoint: paths.endpoint,
    data: paths.dataRoot,
    log: paths.log,
  }
  if (options.json === true) {
    io.stdout(`${JSON.stringify({ used, embedded }, null, 2)}\n`)
  } else {
    const state = pid === null ? 'not running' : `pid ${pid}, ${answers ? 'answers' : 'does not answer'}`
    io.stdout(
      printable(
        `embedded engine: ${state}\n  socket ${paths.socket}\n  data   ${paths.dataRoot}\n  log    ${paths.log}\n`,
      ),
    )
    io.stdout(
      printable(
        `a run would use: ${used === null ? 'none yet; matrix env up starts one' : `${used.endpoint} (${used.how})`}\n`,
      ),
    )
  }
  return found.kind === 'refused' ? reportProblem(found.problem, io) : 0
}
