/** Several nested Docker engines that form one Swarm: found again, mended machine by machine, or made anew. */
import { join } from 'node:path'
import { type Engine, EngineError } from '../../engines/engine.ts'
import type { NestedSpec, SwarmSpec } from '../../model/project.ts'
import type { HostAccess, HostKind, HostRequest, HostStatus, HostUp } from '../host.ts'
import { containerName, nested } from '../nested/nested.ts'
import type { HostProblem } from '../problem.ts'
import { type Ailment, ailmentOf, isLost, type Member, Membership } from './membership.ts'

type Request = HostRequest<SwarmSpec>

export const swarmCluster: HostKind<SwarmSpec> = {
  async up(request) {
    try {
      return await bringUp(request)
    } catch (error) {
      return { ok: false, problem: problemOf(error, request) }
    }
  },

  async status(request) {
    const states = await Promise.all(nodeRequests(request).map((node) => nested.status(node)))
    const worst = (['absent', 'down', 'sick'] as const).find((state) => states.some((one) => one.state === state))
    if (worst !== undefined) {
      const all = states.every(({ state }) => state === worst)
      const message = states.map(({ state }, index) => `node ${index + 1} ${state}`).join(', ')
      // A cluster of which a part is there is not absent: the next run mends it.
      return { state: all ? worst : 'sick', message: all ? (states[0]?.message ?? worst) : message }
    }
    try {
      const accesses = states.flatMap((status) => (status.state === 'up' ? [status.access] : []))
      return await membershipStatus(request, accessOf(accesses))
    } catch (error) {
      return { state: 'sick', message: problemOf(error, request).message }
    }
  },

  async runs(request) {
    const machines = await Promise.all(nodeRequests(request).map((node) => nested.runs(node)))
    return machines.every((runs) => runs)
  },

  async down(request, options) {
    for (const node of nodeRequests(request)) {
      const problem = await nested.down(node, options)
      if (problem !== null) return problem
    }
    try {
      await request.local.networks.remove(networkName(request), request)
      return null
    } catch (error) {
      return problemOf(error, request)
    }
  },
}

async function bringUp(request: Request): Promise<HostUp> {
  const network = { kind: 'network', id: await ensureNetwork(request), aliases: [] } as const
  const nodes = nodeRequests(request).map((node) => ({ ...node, network }))
  const [first, ...others] = nodes
  if (first === undefined) throw new EngineError('rejected', 'a cluster has at least one machine')
  // The first makes the root image that all of them share.
  const ups = [await nested.up(first), ...(await Promise.all(others.map((node) => nested.up(node))))]
  const failed = ups.find((up) => !up.ok)
  if (failed !== undefined) return failed
  const members = await Promise.all(nodes.map((node) => memberOf(node)))
  const mended = await mend(members, request)
  return {
    ok: true,
    access: accessOf(ups.flatMap((up) => (up.ok ? [up.access] : []))),
    started: mended || ups.some((up) => up.ok && up.started),
  }
}

/** @param machines of all its machines, in their order */
const accessOf = (machines: readonly HostAccess[]): HostAccess => ({
  kind: 'swarm',
  nodes: machines.flatMap((access, index) =>
    access.kind === 'engine' ? [{ name: `node-${index + 1}`, endpoint: access.endpoint }] : [],
  ),
})

/** Whether anything had to be done. Resolves when every machine is ready for work. */
async function mend(members: readonly Member[], request: Request): Promise<boolean> {
  const { local, name, onProgress, signal } = request
  const [manager, ...workers] = members
  if (manager === undefined) return false
  const membership = new Membership(local, signal)
  let mended = false
  if (isLost(await membership.ownView(manager), manager)) {
    onProgress(`forming ${name} of ${members.length} machines`)
    await membership.form(manager)
    mended = true
  }
  await Promise.all(
    [manager, ...workers].map(async (member) => {
      const changed = await mendMember(member, { manager, membership, request })
      mended ||= changed
    }),
  )
  const ours = await Promise.all(members.map(async (member) => (await membership.ownView(member)).nodeId))
  // Machines that were joined anew are known twice.
  for (const { id } of await membership.managerView(manager)) {
    if (!ours.includes(id)) await membership.forget(manager, id)
  }
  return mended
}

async function mendMember(
  member: Member,
  context: { readonly manager: Member; readonly membership: Membership; readonly request: Request },
): Promise<boolean> {
  const { manager, membership, request } = context
  let own = await membership.ownView(member)
  let ailment = ailmentOf(own, await membership.managerView(manager))
  // One that has just started finds its way back by itself.
  if (ailment === 'not-ready' && (await membership.becomesReady(manager, own.nodeId))) {
    ailment = ailmentOf(own, await membership.managerView(manager))
  }
  if (ailment === null) return false
  if (ailment === 'not-active') {
    request.onProgress(`${member.name} ${ailments[ailment]}; taking it back`)
    await membership.activate(manager, own.nodeId)
    return true
  }
  if (own.state !== 'inactive') request.onProgress(`${member.name} ${ailments[ailment]}; joining it again`)
  await membership.join(member, manager)
  own = await membership.ownView(member)
  if (await membership.becomesReady(manager, own.nodeId)) return true
  throw new EngineError('failed', `${member.name} joined the cluster and does not become ready`)
}

const ailments: Readonly<Record<Ailment, string>> = {
  'not-a-member': 'is not part of the cluster',
  'not-ready': 'does not become ready',
  'not-active': 'was taken out of service',
}

async function membershipStatus(request: Request, access: HostAccess): Promise<HostStatus> {
  const members = await Promise.all(nodeRequests(request).map((node) => memberOf(node)))
  const [manager] = members
  const membership = new Membership(request.local, request.signal)
  if (manager === undefined || isLost(await membership.ownView(manager), manager)) {
    return { state: 'sick', message: 'its machines run and form no cluster' }
  }
  const seen = await membership.managerView(manager)
  const ailing = await Promise.all(
    members.map(async (member) => ({ member, ailment: ailmentOf(await membership.ownView(member), seen) })),
  )
  const sick = ailing.flatMap(({ member, ailment }) =>
    ailment === null ? [] : [`${member.name} ${ailments[ailment]}`],
  )
  return sick.length > 0
    ? { state: 'sick', message: sick.join(', ') }
    : { state: 'up', access, message: `${members.length} machines, all ready` }
}

async function memberOf(node: HostRequest<NestedSpec>): Promise<Member> {
  const container = containerName(node)
  const { addresses } = await node.local.containers.inspect(container, node)
  return { name: node.name, container, address: addresses[0] ?? '' }
}

function nodeRequests(request: Request): readonly HostRequest<NestedSpec>[] {
  const { release, nodes } = request.spec
  return Array.from({ length: nodes }, (_, index) => ({
    ...request,
    spec: { kind: 'nested', engine: 'docker', release, rootless: false },
    name: `${request.name}-${index + 1}`,
    folder: join(request.folder, String(index + 1)),
  }))
}

const networkName = (request: HostRequest): string => `matrix-host-${request.project}-${request.name}`

/** The machines' own: a cell reaches from one machine to another over it. */
async function ensureNetwork(request: Request): Promise<string> {
  const { local, signal, project, name, owner } = request
  const labels = { 'matrix.project': project, 'matrix.role': 'host', 'matrix.host': name }
  const known = await findNetwork(local, labels, signal)
  if (known !== undefined) return known
  const spec = { name: networkName(request), labels: { ...labels, 'matrix.owner': owner }, internal: false }
  return (await local.networks.create(spec, { signal })).id
}

async function findNetwork(
  local: Engine,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await local.list('network', labels, { signal }))[0]?.id
}

function problemOf(error: unknown, request: Request): HostProblem {
  request.signal.throwIfAborted()
  if (!(error instanceof EngineError)) throw error
  return { kind: 'machine', message: `${request.name}: ${error.message}`, hint: error.hint ?? hintFor(request) }
}

const hintFor = ({ name }: Request): string =>
  `matrix env down --purge ${name} takes it away, and the next run makes it anew.`
