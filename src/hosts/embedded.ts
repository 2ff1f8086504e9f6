/** The engine that Matrix runs itself where no other answers: one a machine, found again by later runs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { platform, userInfo } from 'node:os'
import { deadline } from '../lib/abort.ts'
import { systemClock } from '../lib/clock.ts'
import { recordNetwork } from './embedded-network.ts'
import { type EmbeddedPaths, embeddedPaths } from './embedded-paths.ts'
import { embeddedPid, endContainerd, logTail, rivalEngine, startEngine } from './embedded-process.ts'
import { takeLock } from './machine-lock.ts'
import {
  enginePrograms,
  imagePrograms,
  install,
  installCommand,
  isDebian,
  missingPrograms,
  osRelease,
} from './packages.ts'
import { ping } from './ping.ts'
import type { HostProblem } from './problem.ts'

export interface EmbeddedRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly mayInstall: boolean
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}
export type EmbeddedResult =
  | {
      readonly ok: true
      readonly endpoint: string
      /** False where it ran already, or where the distribution's own service is used. */
      readonly started: boolean
      /** Packages' programs that were installed for it. */
      readonly installed: readonly string[]
    }
  | { readonly ok: false; readonly problem: HostProblem }

const readyWithinMs = 60_000
const serviceSocket = 'unix:///var/run/docker.sock'

/** Finds it, or starts it, or installs it first where that is allowed. Rejects only with the signal's reason. */
export async function ensureEmbedded(request: EmbeddedRequest): Promise<EmbeddedResult> {
  const paths = embeddedPaths(request.env)
  const missing = missingPrograms([...enginePrograms, ...imagePrograms], request.env)
  const mayNotInstall = !request.mayInstall || missing.length === 0
  if (mayNotInstall && embeddedPid(paths) !== null) {
    const answer = await ping(paths.endpoint, request)
    if (answer.answers) return { ok: true, endpoint: paths.endpoint, started: false, installed: [] }
    if (answer.why === 'denied') return { ok: false, problem: deniedEmbedded(paths) }
  }
  const refusal = startBlocker(request.env, request)
  if (refusal !== null) return { ok: false, problem: refusal }
  using _lock = await takeLock(paths.lock, {
    signal: request.signal,
    onWait: () => request.onProgress('waiting for another run that sets the engine up'),
  })
  return await setUp(paths, request)
}

/** It runs, and belongs to another user. */
export const deniedEmbedded = ({ socket }: EmbeddedPaths): HostProblem => ({
  kind: 'machine',
  message: `the embedded engine runs, but this user may not use ${socket}`,
  hint: 'Run again as root, or join the group docker.',
})

/** Why an engine of our own cannot be started here by this user; null where it can. */
export function startBlocker(
  env: EmbeddedRequest['env'],
  { mayInstall }: { readonly mayInstall: boolean },
): HostProblem | null {
  const need = missingPrograms(enginePrograms, env)
  if (platform() !== 'linux') {
    return {
      kind: 'machine',
      message: 'no container engine answers, and on this system Matrix cannot run one itself',
      hint: 'Start Docker Desktop or Podman, or name an engine with --engine.',
    }
  }
  const byRoot = need.length === 0 ? 'sudo matrix env up' : `sudo sh -c '${installCommand(need)}' && sudo matrix env up`
  if (userInfo().uid !== 0) {
    return {
      kind: 'machine',
      message: 'no container engine answers, and only root can start one',
      hint: `Start yours, or run: ${byRoot}`,
    }
  }
  if (need.length === 0 || (mayInstall && isDebian(osRelease()))) return null
  return {
    kind: 'machine',
    message: `no container engine answers, and none is installed (missing: ${need.join(', ')})`,
    hint: isDebian(osRelease())
      ? `Run again with --install, or run: ${installCommand(need)}`
      : "Install Docker or Podman with this distribution's packages, then run again.",
  }
}

async function setUp(paths: EmbeddedPaths, request: EmbeddedRequest): Promise<EmbeddedResult> {
  const missing = missingPrograms([...enginePrograms, ...imagePrograms], request.env)
  const installing = request.mayInstall && isDebian(osRelease()) ? missing : []
  if (installing.length > 0) {
    const problem = await install(installing, request)
    if (problem !== null) return { ok: false, problem }
    if (installing.includes('dockerd') && (await serviceAnswers(paths, request))) {
      mkdirSync(paths.stateDir, { recursive: true })
      writeFileSync(paths.serviceMark, `${serviceSocket}\n`)
      return { ok: true, endpoint: serviceSocket, started: false, installed: installing }
    }
  }
  const running = embeddedPid(paths)
  const rival = running === null ? rivalEngine(paths) : null
  if (rival !== null) return { ok: false, problem: rivalProblem(rival) }
  if (running === null) {
    request.onProgress(`starting an engine of Matrix's own (data in ${paths.dataRoot})`)
    await endContainerd(paths)
    await recordNetwork(paths, request.env)
  }
  const ended = running === null ? startEngine(paths, request.env).ended : new Promise<string>(() => {})
  const failure = await readiness(paths, { ended, signal: request.signal })
  if (failure === null) return { ok: true, endpoint: paths.endpoint, started: running === null, installed: installing }
  return machineProblem(
    `the embedded engine did not start (${failure}). Its last lines:\n${logTail(paths)}`,
    `The whole log is ${paths.log}; matrix doctor says what this machine lacks.`,
  )
}

/** Installing the package may have started the distribution's own service. */
async function serviceAnswers(paths: EmbeddedPaths, request: EmbeddedRequest): Promise<boolean> {
  for (let attempt = 0; attempt < 60; attempt++) {
    if ((await ping(serviceSocket, request)).answers) {
      request.onProgress("the installation started the distribution's own engine; using that")
      return true
    }
    if (rivalEngine(paths) === null) return false
    await systemClock.sleep(500, request.signal)
  }
  return false
}

/** Null once it answers, else why it does not. */
async function readiness(
  paths: EmbeddedPaths,
  options: { readonly ended: Promise<string>; readonly signal: AbortSignal },
): Promise<string | null> {
  using limit = deadline(readyWithinMs, options.signal)
  let end: string | null = null
  options.ended.then((how) => {
    end = how
  })
  try {
    while (end === null) {
      if ((await ping(paths.endpoint, { signal: limit.signal })).answers) return null
      await systemClock.sleep(150, limit.signal)
    }
    return end
  } catch (error) {
    options.signal.throwIfAborted()
    return error instanceof Error ? error.message : String(error)
  }
}

function rivalProblem(rival: { readonly pid: number; readonly argv: readonly string[] }): HostProblem {
  const at = rival.argv.findIndex((word) => word === '-H' || word === '--host')
  const endpoint = at >= 0 ? rival.argv[at + 1] : rival.argv.find((word) => word.startsWith('--host='))?.slice(7)
  return {
    kind: 'machine',
    message: `another engine runs here (dockerd, pid ${rival.pid}) but answers at none of the usual sockets; starting a second one beside it would take its networks apart`,
    hint: `Name that engine: --engine ${endpoint ?? 'unix:///path/of.sock'}. Or stop it first.`,
  }
}

function machineProblem(message: string, hint: string): EmbeddedResult {
  return { ok: false, problem: { kind: 'machine', message, hint } }
}

/** Whether an endpoint is an engine that is there because of Matrix, so that base images may be made in it. */
export function isOurs(endpoint: string, env: EmbeddedRequest['env']): boolean {
  const paths = embeddedPaths(env)
  if (endpoint === paths.endpoint) return true
  return existsSync(paths.serviceMark) && readFileSync(paths.serviceMark, 'utf8').trim() === endpoint
}
