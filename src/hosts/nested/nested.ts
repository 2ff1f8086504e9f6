/** An engine of another release, in a container of a local engine: found again, mended, or made from Debian's packages. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Engine, EngineError, type Labels } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import { systemClock } from '../../lib/clock.ts'
import { freeSpaceCommand, freeSpaceIn } from '../../lib/free-space.ts'
import { oneLine } from '../../lib/printable.ts'
import type { NestedSpec, PublishedSpec } from '../../model/project.ts'
import { writeAuthorities } from '../authorities.ts'
import { type HostKind, type HostRequest, type HostStatus, type HostUp, neverMade } from '../host.ts'
import { hasLiveRun } from '../live-runs.ts'
import { ping } from '../ping.ts'
import type { HostProblem } from '../problem.ts'
import { engineSocket, nestedContainer } from './container-spec.ts'
import { type NestedEngine, nestedEngine } from './engine-kinds.ts'
import { ensureRootImage } from './root-image.ts'

type Spec = NestedSpec | PublishedSpec

const readyWithinMs = 90_000
/** With less no container starts, or none that writes anything. */
const leastFreeBytes = 16 * 1024 ** 2

export const nested: HostKind<Spec> = {
  up: (request) => reported(request, () => bringUp(request)),

  async status(request) {
    const { local, signal } = request
    const state = await containerState(local, request)
    if (state === null) {
      return (await hasVolume(local, request))
        ? { state: 'down', message: 'does not run; its data is kept for the next run that needs it' }
        : neverMade
    }
    if (state !== 'running') return { state: 'down', message: state }
    const answer = await ping(endpointOf(request), { signal })
    return answer.answers
      ? { state: 'up', access: accessOf(request), message: `answers at ${endpointOf(request)}` }
      : ({ state: 'sick', message: answer.message } satisfies HostStatus)
  },

  runs: async (request) => (await containerState(request.local, request)) === 'running',

  async down(request, { purge }) {
    const { local, signal } = request
    try {
      await local.containers.remove(containerName(request), { signal })
      if (purge) await local.volumes.remove(volumeName(request), { signal })
      return null
    } catch (error) {
      return problemOf(error, request)
    }
  },
}

async function bringUp(request: HostRequest<Spec>): Promise<HostUp> {
  const { local, name, onProgress, signal } = request
  const access = accessOf(request)
  const state = await containerState(local, request)
  const engine = nestedEngine(request.spec)
  if (request.authorities !== undefined) writeAuthorities(authoritiesFolder(request), request.authorities)
  if (state === 'running') {
    const sickness = await sicknessOf(request, engine)
    if (sickness === null) return { ok: true, access, started: false }
    onProgress(`${name} ${sickness.what}`)
    if (sickness.inData) await nested.down(request, { purge: true })
  }
  const image = await ensureRootImage(local, { engine, ...request })
  if (!image.ok) return image
  // Its data is in the volume, so a new container of it finds everything again.
  await local.containers.remove(containerName(request), { signal })
  onProgress(`starting ${name}`)
  await start(request, { engine, imageId: image.imageId })
  const failure = await readiness(request)
  // A machine of a cluster goes with the cluster.
  const whole = request.network === undefined ? name : name.replace(/-\d+$/, '')
  if (failure === null) return { ok: true, access, started: true }
  return {
    ok: false,
    problem: {
      kind: 'machine',
      message: `${name} did not start: ${failure}`,
      hint: `docker -H ${local.endpoint} logs ${containerName(request)} says more; matrix env down --purge ${whole} takes it away, and the next run makes it anew.`,
    },
  }
}

async function start(
  request: HostRequest<Spec>,
  options: { readonly engine: NestedEngine; readonly imageId: string },
): Promise<void> {
  const { local, signal } = request
  const { engine, imageId } = options
  const name = containerName(request)
  const labels = { ...labelsOf(request, engine), 'matrix.owner': request.owner }
  const sockets = socketsOf(request)
  rmSync(sockets, { recursive: true, force: true })
  mkdirSync(sockets, { recursive: true, mode: 0o755 })
  const authorities = authoritiesFolder(request)
  mkdirSync(authorities, { recursive: true, mode: 0o755 })
  await local.volumes.create({ name, labels }, { signal })
  const folders = { sockets, authorities }
  const made = { name, hostname: request.name, image: imageId, labels, folders }
  const network = request.network ?? ({ kind: 'bridge' } as const)
  const { id } = await local.containers.create(nestedContainer(engine, { ...made, network }), { signal })
  await local.containers.start(id, { signal })
}

/** Null once it answers, else why it does not. */
async function readiness(request: HostRequest<Spec>): Promise<string | null> {
  using limit = deadline(readyWithinMs, request.signal)
  try {
    for (;;) {
      if ((await ping(endpointOf(request), { signal: limit.signal })).answers) return null
      const state = await containerState(request.local, request)
      if (state !== 'running') return `${state ?? 'it is gone'}: ${await lastWords(request)}`
      await systemClock.sleep(150, limit.signal)
    }
  } catch (error) {
    request.signal.throwIfAborted()
    if (!limit.signal.aborted) throw error
    return `it did not answer within ${readyWithinMs / 1000} s: ${await lastWords(request)}`
  }
}

/** Null where it is well. `inData`: what it holds has to go, which the next images replace. */
async function sicknessOf(
  request: HostRequest<Spec>,
  engine: NestedEngine,
): Promise<{ readonly what: string; readonly inData: boolean } | null> {
  const asMade = await request.local.list('container', labelsOf(request, engine), request)
  const answers = await answersSoon(request)
  if (asMade.length === 0 && !(answers && (await isInUse(request)))) {
    return { what: 'runs and was made by another version of Matrix; starting it again', inData: false }
  }
  if (!answers) return { what: 'runs and does not answer; starting it again', inData: false }
  const freeBytes = await freeBytesOf(request, engine)
  if (freeBytes === null || freeBytes >= leastFreeBytes || (await isInUse(request))) return null
  return { what: 'has a full disk; throwing its images away', inData: true }
}

/** On the disk that it keeps images and containers on; null where that is not told. */
async function freeBytesOf(request: HostRequest<Spec>, engine: NestedEngine): Promise<number | null> {
  const spec = { command: freeSpaceCommand(engine.dataFolder), maxBytes: 1000 }
  const { exitCode, stdout } = await request.local.containers.exec(containerName(request), spec, request)
  return exitCode === 0 ? freeSpaceIn(stdout) : null
}

/** Whether a run that lives has something in it. */
async function isInUse(request: HostRequest<Spec>): Promise<boolean> {
  await using own = request.connect(endpointOf(request), {})
  return await hasLiveRun(own, {}, request)
}

/** An engine under load may miss one question; one that missed several is sick. */
async function answersSoon(request: HostRequest<Spec>): Promise<boolean> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if ((await ping(endpointOf(request), { signal: request.signal })).answers) return true
    await systemClock.sleep(500, request.signal)
  }
  return false
}

async function lastWords(request: HostRequest<Spec>): Promise<string> {
  const options = { tail: 6, maxBytes: 8192, signal: request.signal }
  try {
    const { lines } = await request.local.containers.logs(containerName(request), options)
    return oneLine(lines.map((line) => line.text).join(' | '), 800)
  } catch {
    return 'it left no log'
  }
}

async function containerState(local: Engine, request: HostRequest<Spec>): Promise<string | null> {
  try {
    const state = await local.containers.inspect(containerName(request), request)
    return state.status === 'running' ? 'running' : `${state.status} with exit code ${state.exitCode ?? 'unknown'}`
  } catch (error) {
    if (error instanceof EngineError && error.code === 'not-found') return null
    throw error
  }
}

async function hasVolume(local: Engine, request: HostRequest<Spec>): Promise<boolean> {
  const volumes = await local.list('volume', { 'matrix.project': request.project, 'matrix.role': 'host' }, request)
  return volumes.some(({ name }) => name === volumeName(request))
}

/** What the local engine refuses becomes a value; the signal's reason does not. */
async function reported(request: HostRequest<Spec>, work: () => Promise<HostUp>): Promise<HostUp> {
  try {
    return await work()
  } catch (error) {
    return { ok: false, problem: problemOf(error, request) }
  }
}

function problemOf(error: unknown, request: HostRequest<Spec>): HostProblem {
  request.signal.throwIfAborted()
  if (!(error instanceof EngineError)) throw error
  return {
    kind: 'machine',
    message: `${request.name}: ${error.message}`,
    hint: error.hint ?? 'matrix doctor says what this machine offers.',
  }
}

/** Its container in the local engine. */
export const containerName = (request: HostRequest): string => `matrix-host-${request.project}-${request.name}`
const volumeName = containerName
const authoritiesFolder = (request: HostRequest): string => join(request.folder, 'certs.d')
const socketsOf = (request: HostRequest): string => join(request.folder, 'run')
const endpointOf = (request: HostRequest): string => `unix://${join(socketsOf(request), engineSocket)}`
const accessOf = (request: HostRequest) => ({ kind: 'engine', endpoint: endpointOf(request) }) as const

/** `matrix.recipe`: what it is made of, so that one that was made of something else is known. */
function labelsOf(request: HostRequest, engine: NestedEngine): Labels {
  return {
    'matrix.project': request.project,
    'matrix.role': 'host',
    'matrix.host': request.name,
    'matrix.recipe': createHash('sha256').update(JSON.stringify(engine)).digest('hex').slice(0, 12),
  }
}
