/** What `matrix doctor` finds of hosts: what this machine can offer, and what is left of others. */
import { platform } from 'node:os'
import type { Disks } from '../hosts/disks.ts'
import { hostFolder, hostName } from '../hosts/host-place.ts'
import { allHosts, forsakenHosts, madeHosts } from '../hosts/host-record.ts'
import { machineFacts } from '../hosts/machine-facts.ts'
import { type Ability, type Tried, tryKvm, tryMachine } from '../hosts/machine-tries.ts'
import { engineShortage, machineOffer, shortages } from '../hosts/offer.ts'
import { rememberedAccelerator } from '../hosts/vm/accelerator.ts'
import { vmFiles } from '../hosts/vm/vm-files.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import type { HostSpec } from '../model/project.ts'
import { broughtUp, roomForPlan } from './hosts.ts'
import type { Io } from './io.ts'

export interface Finding {
  readonly name: string
  /** `note`: it works without. `missing`: a run cannot start. */
  readonly state: 'ok' | 'note' | 'missing'
  readonly value: string
  /** What mends it. */
  readonly mend?: string
}

/** Where nested hosts would be. `engine` null: in the embedded one, which would be started for them. */
export interface LocalPlace {
  readonly engine: { readonly endpoint: string; readonly rootless: boolean } | null
  readonly disks: Disks
}

const gibibyte = 1024 ** 3

/** Whether this machine can offer each host that the project asks for, and one of every further kind. */
export function hostFindings(
  plan: Plan | null,
  { local, io }: { readonly local: LocalPlace; readonly io: Io },
): readonly Finding[] {
  const machine = machineOffer(machineFacts(), { disks: local.disks, env: io.env })
  const asked = (plan?.environments ?? []).flatMap(({ engine }) => (engine.kind === 'provision' ? [engine.spec] : []))
  const others = oneOfEach.filter((spec) => !asked.some((one) => kindOf(one) === kindOf(spec)))
  const specs = new Map([...asked, ...others].map((spec) => [hostName(spec), spec]))
  const images = plan?.builds.length ?? 1
  const made = madeHosts(io.env, io.cwd)
  const askedBy = (host: string) => {
    const ids = (plan?.environments ?? []).flatMap(({ id, engine }) =>
      engine.kind === 'provision' && hostName(engine.spec) === host ? [id] : [],
    )
    return ids.length === 0 ? '' : `, for ${ids.join(', ')}`
  }
  const hosts = [...specs].map(([host, spec]): Finding => {
    const lacking = [
      ...(local.engine === null ? [] : engineShortage(spec, local.engine)),
      // The room of one that was made is judged together with that of all others.
      ...shortages(spec, machine, images).filter(({ of }) => !(made.has(host) && (of === 'disk' || of === 'memory'))),
    ]
    const name = 'host'
    if (lacking.length === 0 && spec.kind === 'published' && !made.has(host)) {
      const value = `${host} can be had where ${spec.image} is, or can be pulled, which is not tried${askedBy(host)}`
      return { name, state: 'note', value }
    }
    if (lacking.length === 0) {
      return { name, state: 'ok', value: `${host} ${made.has(host) ? 'was made' : 'can be had'}${askedBy(host)}` }
    }
    const mend = lacking.flatMap((shortage) => shortage.mend ?? []).join('; ')
    const value = `${host}${askedBy(host)}: ${lacking.map(({ what }) => what).join('; ')}`
    return { name, state: 'note', value, ...(mend === '' ? {} : { mend }) }
  })
  return [...triedFindings(io), ...hosts]
}

/** Hosts that no project is left to take away. */
export function forsakenFindings(io: Io): readonly Finding[] {
  const left = forsakenHosts(io.env).map(({ spec, root }) => `${hostName(spec)} of ${root}`)
  if (left.length === 0) return []
  const value = `of projects that are no longer there: ${left.join(', ')}`
  return [{ name: 'hosts', state: 'note', value, mend: 'matrix clean takes them away' }]
}

/** Hosts of this project that its files asked for once, of an older release perhaps. */
export function unaskedFindings({ environments }: Plan, io: Io): readonly Finding[] {
  const asked = new Set(
    environments.flatMap(({ engine }) => (engine.kind === 'provision' ? [hostName(engine.spec)] : [])),
  )
  return broughtUp(io).flatMap(({ name }): readonly Finding[] => {
    if (asked.has(name)) return []
    const value = `${name} was brought up, and no environment asks for it any more`
    return [{ name: 'hosts', state: 'note', value, mend: `matrix env down --purge ${name}` }]
  })
}

/** What was tried of the kernel. KVM only makes quicker, so nothing is missing without it. */
function triedFindings(io: Io): readonly Finding[] {
  if (platform() !== 'linux') return []
  const without: Readonly<Partial<Record<Ability, string>>> = { kvm: '; a virtual machine is emulated, and slow' }
  return [seenOfKvm(io), ...tryMachine(io.env)].map(({ ability, works, found, mend }) => ({
    name: titles[ability],
    state: works ? 'ok' : 'note',
    value: `${found}${works === false ? (without[ability] ?? '') : ''}`,
    ...(mend === null ? {} : { mend }),
  }))
}

/** A guest may hang where a machine can be made: what a run found weighs more than what can be tried in a second. */
function seenOfKvm(io: Io): Tried {
  const tried = tryKvm(io.env)
  const emulated = allHosts(io.env).filter(
    ({ root, spec }) =>
      spec.kind === 'vm' &&
      rememberedAccelerator(vmFiles(hostFolder(io.env, projectIdOf(root), hostName(spec)))) === 'tcg',
  )
  const [first] = emulated
  if (tried.works !== true || first === undefined) return tried
  const found = `a machine can be made with it, but ${hostName(first.spec)} did not come up`
  const mend = `matrix env down --purge ${hostName(first.spec)} forgets that, and the next run tries it again`
  return { ...tried, works: false, found, mend }
}

const titles: Readonly<Record<Ability, string>> = {
  kvm: 'KVM',
  gvisor: 'gVisor',
  'user-namespaces': 'rootless',
  overlay: 'overlay',
  vxlan: 'vxlan',
}

/** What the project's hosts that do not run yet take together. */
export async function roomFindings(
  plan: Plan,
  { options, io }: { readonly options: { readonly engine?: string }; readonly io: Io },
): Promise<readonly Finding[]> {
  const { hosts, room, problem, unknown } = await roomForPlan(plan, options, io)
  const name = 'room'
  if (problem !== null) return [{ name, state: 'missing', value: problem.message, mend: problem.hint }]
  if (hosts.length === 0) return []
  if (unknown !== null) return [{ name, state: 'note', value: unknown }]
  const size = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`
  const [disk, memory] = [size(room.engineDiskBytes + room.ownDiskBytes), size(room.memoryBytes)]
  const value = `the hosts that do not run yet (${hosts.join(', ')}) take about ${disk} of disk and ${memory} of memory`
  return [{ name, state: 'ok', value }]
}

const kindOf = (spec: HostSpec): string =>
  spec.kind === 'nested' ? `${spec.engine} ${spec.rootless} ${spec.runtime}` : spec.kind

const oneOfEach: readonly HostSpec[] = [
  { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false },
  { kind: 'nested', engine: 'docker', release: 'trixie', rootless: false, runtime: 'runsc' },
  { kind: 'nested', engine: 'docker', release: 'trixie', rootless: true },
  { kind: 'nested', engine: 'podman', release: 'trixie', rootless: false },
  { kind: 'nested', engine: 'podman', release: 'trixie', rootless: true },
  { kind: 'swarm', release: 'trixie', nodes: 3 },
  { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte },
]
