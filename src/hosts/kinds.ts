/** Brings up and takes down the hosts that Matrix provisions, whatever kind they are. */
import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EngineError } from '../engines/engine.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { HostSpec } from '../model/project.ts'
import { disksWith } from './disks.ts'
import { embeddedPaths } from './embedded-paths.ts'
import { type HostKind, type HostRequest, type HostStatus, type HostUp, neverMade } from './host.ts'
import { hostFolder, hostName } from './host-place.ts'
import { readRecord, writeRecord } from './host-record.ts'
import { hasLiveRun, projectRuns } from './live-runs.ts'
import { machineFacts } from './machine-facts.ts'
import { takeLock } from './machine-lock.ts'
import { nested } from './nested/nested.ts'
import { engineShortage, machineOffer, shortages } from './offer.ts'
import { ping, silenceAsWords } from './ping.ts'
import type { HostProblem } from './problem.ts'
import { swarmCluster } from './swarm-cluster/swarm-cluster.ts'
import { vm } from './vm/vm.ts'

/** A request as the command makes it; project, name and folder follow. */
export type HostAsk = Omit<HostRequest, 'name' | 'folder' | 'project'> & {
  /** Folder of the project that the host is for. */
  readonly root: string
}

const kinds: { readonly [Kind in HostSpec['kind']]: HostKind<never> } = {
  nested,
  published: nested,
  swarm: swarmCluster,
  vm,
}

/** One at a time a host, also when several runs ask. Rejects only with the signal's reason. */
export async function hostUp(ask: HostAsk): Promise<HostUp> {
  const request = requestOf(ask)
  const kind = kinds[ask.spec.kind]
  const elsewhere = engineTrouble(request)
  if (elsewhere !== null) return { ok: false, problem: elsewhere }
  using _lock = await takeLock(lockOf(request), {
    signal: ask.signal,
    onWait: () => ask.onProgress(`waiting for another run that brings ${request.name} up`),
  })
  mkdirSync(request.folder, { recursive: true })
  const known = readRecord(request.folder)
  const engine = ask.spec.kind === 'vm' ? null : canonical(ask.local.endpoint)
  const immovable = known === null ? null : await moveFrom(known.engine, engine, request)
  const stays = known?.made === true && known.engine === engine
  const blocker = immovable ?? (stays ? null : await whatBlocks(request))
  if (blocker !== null) return { ok: false, problem: blocker }
  const record = { spec: ask.spec, root: resolved(ask.root), engine }
  // Before anything is made, so that what a run that is killed leaves behind is known.
  writeRecord(request.folder, { ...record, made: stays })
  const up = await kind.up(request as never)
  if (up.ok && !stays) writeRecord(request.folder, { ...record, made: true })
  return up
}

/** A host is in one engine at a time: where a run uses another one now, it leaves nothing behind in the old one. */
async function moveFrom(old: string | null, now: string | null, request: HostRequest): Promise<HostProblem | null> {
  const { name, signal, onProgress } = request
  if (old === null || old === now) return null
  if (!(await ping(old, { signal })).answers) {
    onProgress(`${name} was in ${old}, which does not answer; what it left there stays`)
    return null
  }
  await using local = request.connect(old, {})
  if (await hasLiveRun(local, { 'matrix.project': request.project }, { signal })) {
    return {
      kind: 'machine',
      message: `${name} is in ${old}, and a run of this project lives there`,
      hint: 'Run this again when that has ended, or use that engine.',
    }
  }
  onProgress(`${name} was in ${old}; taking it away there`)
  return await kinds[request.spec.kind].down({ ...request, local } as never, { purge: true })
}

/** The same for every way to write a socket's path. */
function canonical(endpoint: string): string {
  const scheme = 'unix://'
  return endpoint.startsWith(scheme) ? scheme + resolved(endpoint.slice(scheme.length)) : endpoint
}

function resolved(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function engineTrouble({ name, local, spec }: HostRequest): HostProblem | null {
  const [shortage] = engineShortage(spec, local)
  if (shortage === undefined) return null
  return { kind: 'usage', message: `${name}: ${shortage.what}`, hint: shortage.mend ?? '' }
}

/** What a host that was not made yet would lack half-way; programs are the kind's own affair, since it may install them. */
async function whatBlocks(request: HostRequest): Promise<HostProblem | null> {
  const disks = await disksWith(request.local, request)
  const machine = machineOffer(machineFacts(), { disks, env: request.env })
  // What all hosts of a run take together was judged before: this one takes at least the room of one image.
  const [first] = shortages(request.spec, machine, 1).filter(({ of }) => of !== 'program')
  if (first === undefined) return null
  const hint = first.mend ?? 'Leave that environment out.'
  return { kind: 'machine', message: `${request.name} cannot be had on this machine: ${first.what}`, hint }
}

/** Whether a host runs, so that it takes its memory already; one that cannot be asked does not. */
export async function hostRuns(ask: HostAsk): Promise<boolean> {
  await using there = await whereItIs(ask)
  if (there.problem !== null || there.silence !== null) return false
  try {
    return await kinds[ask.spec.kind].runs(there.request as never)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return false
  }
}

export async function hostStatus(ask: HostAsk): Promise<HostStatus> {
  await using there = await whereItIs(ask)
  const { request, silence, problem } = there
  if (problem !== null) return { state: 'absent', message: problem.message }
  if (silence?.denied) return { state: 'unknown', message: silence.message }
  // What is made is written down first, so that one of which nothing is written is in no engine.
  if (silence !== null && readRecord(request.folder) === null) return neverMade
  if (silence !== null) return { state: 'down', message: silence.message }
  return await kinds[ask.spec.kind].status(request as never)
}

export async function hostDown(ask: HostAsk, options: { readonly purge: boolean }): Promise<HostProblem | null> {
  using _lock = await takeLock(lockOf(requestOf(ask)), { signal: ask.signal })
  // A run that begins now waits for the lock, and brings the host up again.
  if (projectRuns(ask.env, ask.root)) return inUse(ask)
  await using there = await whereItIs(ask)
  const { request, silence } = there
  if (there.problem !== null) return there.problem
  // What is in the embedded engine ends with it; one that was never brought up is in none.
  const isNowhere = request.local.endpoint === embeddedPaths(ask.env).endpoint || readRecord(request.folder) === null
  const isEnded = !options.purge && isNowhere
  if (silence !== null) return isEnded ? null : outOfReach(request, silence.message, options)
  const problem = await kinds[ask.spec.kind].down(request as never, options)
  if (problem === null && options.purge) rmSync(request.folder, { recursive: true, force: true })
  return problem
}

const inUse = ({ spec, root }: HostAsk): HostProblem => ({
  kind: 'machine',
  message: `a run of ${root} lives, so ${hostName(spec)} stays`,
  hint: 'Run this again when that has ended.',
})

const outOfReach = (
  { name, folder }: HostRequest,
  silence: string,
  { purge }: { readonly purge: boolean },
): HostProblem => ({
  kind: 'machine',
  message: `${name} cannot be ${purge ? 'taken away' : 'stopped'}: ${silence}`,
  hint: `Start that engine and run this again; where it is gone for good, rm -r ${folder} forgets the host.`,
})

interface Whereabouts extends AsyncDisposable {
  readonly request: HostRequest
  /** The engine that it is in does not answer this user. */
  readonly silence: { readonly denied: boolean; readonly message: string } | null
  readonly problem: HostProblem | null
}

/** The engine that the host was made in is asked, whatever a run would use now. */
async function whereItIs(ask: HostAsk): Promise<Whereabouts> {
  const request = requestOf(ask)
  const here = { request, silence: null, problem: null, [Symbol.asyncDispose]: async () => {} }
  if (ask.spec.kind === 'vm') return here
  const endpoint = readRecord(request.folder)?.engine ?? ask.local.endpoint
  const own = endpoint === canonical(ask.local.endpoint) ? null : ask.connect(endpoint, {})
  const local = own ?? ask.local
  const there = {
    ...here,
    request: { ...request, local },
    [Symbol.asyncDispose]: async () => own?.[Symbol.asyncDispose](),
  }
  const elsewhere = engineTrouble(there.request)
  if (elsewhere !== null) return { ...there, problem: elsewhere }
  const answer = await ping(endpoint, ask)
  if (answer.answers) return there
  const isOurs = endpoint === embeddedPaths(ask.env).endpoint
  const message =
    isOurs && answer.why === 'absent'
      ? "Matrix's own engine, that it is in, does not run"
      : `${endpoint}, the engine that it is in, ${silenceAsWords(answer)}`
  return { ...there, silence: { denied: answer.why === 'denied', message } }
}

function requestOf(ask: HostAsk): HostRequest {
  const name = hostName(ask.spec)
  const project = projectIdOf(ask.root)
  return { ...ask, project, name, folder: hostFolder(ask.env, project, name) }
}

const lockOf = (request: HostRequest) => join(dirname(request.folder), `${request.name}.lock`)
