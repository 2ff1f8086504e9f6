/** From what the user named, or nothing, to a connected engine: found, else started, else what to do about it. */
import { homedir } from 'node:os'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { deniedEmbedded, ensureEmbedded, isOurs } from '../hosts/embedded.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import { type FindResult, findEngine } from '../hosts/find-engine.ts'
import { ping } from '../hosts/ping.ts'
import type { HostProblem } from '../hosts/problem.ts'
import { deadline } from '../lib/abort.ts'
import { printable } from '../lib/printable.ts'
import type { Io } from './io.ts'

/** A machine under emulation is slow to greet. */
export const remoteAnswersWithinMs = 60_000

export interface OpenEngineOptions {
  /** What `--engine` says. */
  readonly engine?: string
  /** May install packages. */
  readonly install?: boolean
  readonly onProgress: (text: string) => void
}
export type OpenEngineResult =
  | {
      readonly ok: true
      readonly engine: Engine
      /** Why this one, such as `DOCKER_HOST` or `the embedded engine`. */
      readonly how: string
      /** It is there because of Matrix, so a missing base image may be made in it under its public name. */
      readonly ours: boolean
    }
  | { readonly ok: false; readonly problem: HostProblem }

/** The engine that a run uses; it answered a moment ago. Rejects only with the signal's reason. */
export async function openEngine(options: OpenEngineOptions, io: Io): Promise<OpenEngineResult> {
  const { env, signal } = io
  const found = await lookForEngine(options.engine, io)
  if (found.kind === 'refused') return { ok: false, problem: found.problem }
  if (found.kind === 'found') return openFound(found, io)
  const embedded = await ensureEmbedded({
    env,
    mayInstall: options.install === true,
    signal,
    onProgress: options.onProgress,
  })
  if (embedded.ok) return openFound({ endpoint: embedded.endpoint, access: {}, how: 'the embedded engine' }, io)
  const tried = found.tried.map((line) => `\n  ${line}`).join('')
  return { ok: false, problem: { ...embedded.problem, message: embedded.problem.message + tried } }
}

/** What a run would use, without starting anything: as `findEngine`, and the embedded engine where it runs. */
export async function lookForEngine(named: string | undefined, io: Io): Promise<FindResult> {
  const { env, signal } = io
  const home = env['HOME'] || homedir()
  const found = await findEngine({ ...(named === undefined ? {} : { named }), env, home, signal })
  if (found.kind === 'found') return usable(found)
  if (found.kind === 'refused') return found
  const paths = embeddedPaths(env)
  const answer = await ping(paths.endpoint, { signal })
  if (answer.answers) return { kind: 'found', endpoint: paths.endpoint, access: {}, how: 'the embedded engine' }
  return answer.why === 'denied' ? { kind: 'refused', problem: deniedEmbedded(paths) } : found
}

/** An address that nothing can be reached by is refused before anybody asks there. */
async function usable(found: Extract<FindResult, { kind: 'found' }>): Promise<FindResult> {
  try {
    await connectDocker(found.endpoint, found.access)[Symbol.asyncDispose]()
    return found
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    const hint = error.hint ?? 'Name another with --engine.'
    return { kind: 'refused', problem: { kind: 'usage', message: `${found.how}: ${error.message}`, hint } }
  }
}

/** Connects to an engine that was found, and asks it for an answer. */
export async function openFound(
  found: Pick<Extract<FindResult, { kind: 'found' }>, 'endpoint' | 'access' | 'how'> & {
    /** What to do where it does not answer; as of one that a run would use where absent. */
    readonly mend?: string
  },
  io: Io,
): Promise<OpenEngineResult> {
  const { access, endpoint } = found
  const how = endpoint === embeddedPaths(io.env).endpoint ? 'the embedded engine' : found.how
  try {
    const engine = connectDocker(endpoint, access)
    const silence = await silenceOf(engine, io)
    if (silence === null) return { ok: true, engine, how, ours: isOurs(endpoint, io.env) }
    await engine[Symbol.asyncDispose]()
    return {
      ok: false,
      problem: {
        kind: 'machine',
        message: `the engine at ${endpoint} (${how}) does not answer: ${silence.message.replace(/^the engine does not answer: /, '')}`,
        hint:
          silence.hint ??
          found.mend ??
          'Start it, or name another with --engine; without one Matrix looks for a local engine itself.',
      },
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return {
      ok: false,
      problem: { kind: 'usage', message: error.message, hint: error.hint ?? 'Name another with --engine.' },
    }
  }
}

/** Null where the engine answers. A socket of this machine is asked without the driver, which says more of its state. */
async function silenceOf(
  engine: Engine,
  { signal }: Io,
): Promise<{ readonly message: string; readonly hint?: string | undefined } | null> {
  if (engine.endpoint.startsWith('unix://')) {
    const answer = await ping(engine.endpoint, { signal })
    return answer.answers ? null : answer
  }
  using limit = deadline(remoteAnswersWithinMs, signal)
  try {
    await engine.facts({ signal: limit.signal })
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof EngineError && error.code === 'rejected') {
      await engine[Symbol.asyncDispose]()
      throw error
    }
    return error instanceof EngineError ? error : { message: String(error) }
  }
}

/** Says on stderr why there is no engine and what to do; gives the exit code. */
export function reportProblem(problem: HostProblem, io: Io): 2 | 3 {
  io.stderr(printable(`matrix: ${problem.message}\n  ${problem.hint}\n`))
  return problem.kind === 'usage' ? 2 : 3
}
