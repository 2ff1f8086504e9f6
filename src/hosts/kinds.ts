/** Brings up and takes down the hosts that Matrix provisions, whatever kind they are. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { namesIn } from '../lib/files.ts'
import type { HostSpec } from '../model/project.ts'
import type { HostKind, HostRequest, HostStatus, HostUp } from './host.ts'
import { hostFolder, hostName, hostsFolder } from './host-place.ts'
import { machineFacts } from './machine-facts.ts'
import { takeLock } from './machine-lock.ts'
import { nested } from './nested/nested.ts'
import { lacks, machineOffer, type Room, roomTogether, shortages } from './offer.ts'
import type { HostProblem } from './problem.ts'
import { swarmCluster } from './swarm-cluster/swarm-cluster.ts'
import { vm } from './vm/vm.ts'

/** A request as the command makes it; name and folder follow from the spec. */
export type HostAsk = Omit<HostRequest, 'name' | 'folder'>

const kinds: { readonly [Kind in HostSpec['kind']]: HostKind<never> } = {
  nested,
  swarm: swarmCluster,
  vm,
}

/** One at a time a host, also when several runs ask. Rejects only with the signal's reason. */
export async function hostUp(ask: HostAsk): Promise<HostUp> {
  const request = requestOf(ask)
  const kind = kinds[ask.spec.kind]
  if (!canBeHere(ask)) return { ok: false, problem: notHere(request) }
  mkdirSync(request.folder, { recursive: true })
  using _lock = await takeLock(lockOf(request), {
    signal: ask.signal,
    onWait: () => ask.onProgress(`waiting for another run that brings ${request.name} up`),
  })
  const blocker = existsSync(join(request.folder, specFile)) ? null : whatBlocks(request)
  if (blocker !== null) return { ok: false, problem: blocker }
  // By this file later commands know of the host, also when no environment asks for it any more.
  writeFileSync(join(request.folder, specFile), `${JSON.stringify(ask.spec)}\n`)
  return kind.up(request as never)
}

/** The sockets of a nested host are files of this machine, and an engine elsewhere may be production. */
const canBeHere = ({ local, spec }: HostAsk): boolean => spec.kind === 'vm' || local.endpoint.startsWith('unix://')

const notHere = ({ name, local }: HostRequest): HostProblem => ({
  kind: 'usage',
  message: `${name} is a container of an engine on this machine, and ${local.endpoint} is reached from elsewhere`,
  hint: 'Run without --engine and DOCKER_HOST, or name an engine that runs already by connect: in the environment.',
})

/** What a host that was not made yet would lack half-way; programs are the kind's own affair, since it may install them. */
function whatBlocks(request: HostRequest): HostProblem | null {
  const machine = machineOffer(machineFacts(request.folder), request.env)
  // What all hosts of a run take together was judged before: this one takes at least the room of one image.
  const [first] = shortages(request.spec, machine, 1).filter(({ of }) => of !== 'program')
  if (first === undefined) return null
  const hint = first.mend ?? 'Leave that environment out with --env or --stack.'
  return { kind: 'machine', message: `${request.name} cannot be had on this machine: ${first.what}`, hint }
}

/**
 * Whether this machine has the disk and the memory for all of these hosts together, those that were made before left out.
 *
 * @param images how many images each is going to hold
 */
export function roomFor(
  specs: readonly HostSpec[],
  asked: { readonly env: HostAsk['env']; readonly project: string; readonly images: number },
): { readonly hosts: readonly string[]; readonly room: Room; readonly problem: HostProblem | null } {
  const { env, project, images } = asked
  const unmade = new Map(specs.map((spec) => [hostName(spec), spec]))
  for (const spec of knownHosts(env, project)) unmade.delete(hostName(spec))
  const hosts = [...unmade.keys()]
  const room = roomTogether([...unmade.values()], images)
  const short = lacks(room, machineFacts(hostsFolder(env)))
  if (short.length === 0) return { hosts, room, problem: null }
  const message = `${hosts.join(', ')} cannot be had together on this machine: ${short.map(({ what }) => what).join('; ')}`
  const mends = short.flatMap(({ mend }) => mend ?? [])
  const hint = `${mends.join('; ')}; or leave environments out with --env.`
  return { hosts, room, problem: { kind: 'machine', message, hint } }
}

export async function hostStatus(ask: HostAsk): Promise<HostStatus> {
  const request = requestOf(ask)
  if (!canBeHere(ask)) return { state: 'absent', message: notHere(request).message }
  return kinds[ask.spec.kind].status(request as never)
}

export async function hostDown(ask: HostAsk, options: { readonly purge: boolean }): Promise<HostProblem | null> {
  const request = requestOf(ask)
  if (!canBeHere(ask)) return notHere(request)
  using _lock = await takeLock(lockOf(request), { signal: ask.signal })
  const problem = await kinds[ask.spec.kind].down(request as never, options)
  if (problem === null && options.purge) rmSync(request.folder, { recursive: true, force: true })
  return problem
}

/** The hosts that a project has had brought up on this machine and not taken away. */
export function knownHosts(env: HostAsk['env'], project: string): readonly HostSpec[] {
  const folder = join(hostsFolder(env), project)
  return namesIn(folder).flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(folder, name, specFile), 'utf8')) as HostSpec]
    } catch {
      return [] // a lock, or a folder that nobody finished
    }
  })
}

/** The project's folder of hosts, once none is left in it. */
export function forgetHosts(env: HostAsk['env'], project: string): void {
  if (knownHosts(env, project).length === 0) rmSync(join(hostsFolder(env), project), { recursive: true, force: true })
}

const specFile = 'host.json'

function requestOf(ask: HostAsk): HostRequest {
  const name = hostName(ask.spec)
  return { ...ask, name, folder: hostFolder(ask.env, ask.project, name) }
}

const lockOf = (request: HostRequest) => join(dirname(request.folder), `${request.name}.lock`)
