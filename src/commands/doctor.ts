/** `matrix doctor`: what this machine offers, what is missing, and the command that mends it. */
import { platform } from 'node:os'
import { loadProject } from '../config/load.ts'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, type EngineAccess, EngineError, type EngineFacts } from '../engines/engine.ts'
import { type Disk, type Disks, disksToBe, disksWith } from '../hosts/disks.ts'
import { startBlocker } from '../hosts/embedded.ts'
import { hostName } from '../hosts/host-place.ts'
import { allHosts, forsakenHosts } from '../hosts/host-record.ts'
import { machineFacts } from '../hosts/machine-facts.ts'
import { type Ability, tryKvm, tryMachine } from '../hosts/machine-tries.ts'
import { engineShortage, machineOffer, shortages } from '../hosts/offer.ts'
import { imagePrograms, installCommand, missingPrograms } from '../hosts/packages.ts'
import { deadline } from '../lib/abort.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import type { HostSpec } from '../model/project.ts'
import { localEngine, roomForPlan, wholePlan } from './hosts.ts'
import type { Io } from './io.ts'
import { lookForEngine } from './open-engine.ts'

export interface DoctorOptions {
  readonly engine?: string
  readonly json?: boolean
}

interface Finding {
  readonly name: string
  /** `note`: it works without. `missing`: a run cannot start. */
  readonly state: 'ok' | 'note' | 'missing'
  readonly value: string
  /** What mends it. */
  readonly mend?: string
}

const gibibyte = 1024 ** 3
const enoughMemoryBytes = 2 * gibibyte
const enoughDiskBytes = 5 * gibibyte
const registryWithinMs = 4_000

/** Starts nothing. Exit 0 where a run could start, 3 where something is missing for it. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<number> {
  const [engine, registry] = await Promise.all([engineFindings(options, io), registryFinding(io)])
  const disks = await disksHere(options, io)
  const hosts = await hostFindings(options, { disks, io })
  const findings = [...machineFindings(disks), ...engine, registry, ...programFindings(io), ...hosts]
  if (options.json === true) io.stdout(`${JSON.stringify(findings, null, 2)}\n`)
  else io.stdout(printable(render(findings)))
  return findings.some((finding) => finding.state === 'missing') ? 3 : 0
}

function render(findings: readonly Finding[]): string {
  const words = { ok: 'ok     ', note: 'note   ', missing: 'MISSING' } as const
  const lines = findings.flatMap(({ name, state, value, mend }) => [
    `${words[state]}  ${name.padEnd(12)}${value}`,
    ...(mend === undefined ? [] : [`${' '.repeat(21)}→ ${mend}`]),
  ])
  return `${lines.join('\n')}\n`
}

async function disksHere({ engine }: DoctorOptions, io: Io): Promise<Disks> {
  const found = await lookForEngine(engine, io)
  if (found.kind !== 'found') return disksToBe(io.env)
  await using local = localEngine(found, io)
  return disksWith(local, io)
}

function machineFindings(disks: Disks): readonly Finding[] {
  const facts = machineFacts()
  const size = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`
  const littleMemory = facts.freeMemoryBytes < enoughMemoryBytes
  return [
    { name: 'system', state: 'ok', value: `${facts.system}, kernel ${facts.kernel}, ${facts.arch}` },
    { name: 'user', state: 'ok', value: facts.root ? 'root' : 'not root: an engine has to be running already' },
    {
      name: 'memory',
      state: littleMemory ? 'note' : 'ok',
      value: `${size(facts.freeMemoryBytes)} available of ${size(facts.memoryBytes)}, ${facts.cpus} processors`,
      ...(littleMemory ? { mend: 'fewer cells at a time: matrix check --concurrency 1' } : {}),
    },
    ...diskFindings(disks),
    { name: 'cgroup', state: facts.cgroup === 'none' ? 'note' : 'ok', value: facts.cgroup },
  ]
}

/** Where both are on one file system, it is told once. */
function diskFindings({ engine, own }: Disks): readonly Finding[] {
  const name = 'disk'
  const found = (disk: Disk | null, what: string): Finding => {
    if (disk === null) return { name, state: 'note', value: `how much is free for ${what} is not known` }
    const value = `${(disk.freeBytes / gibibyte).toFixed(1)} GiB free for ${what}`
    if (disk.freeBytes >= enoughDiskBytes) return { name, state: 'ok', value }
    return { name, state: 'note', value, mend: 'matrix clean --all frees what Matrix uses' }
  }
  const images = found(engine, 'images')
  return engine !== null && engine.device === own?.device ? [images] : [images, found(own, 'virtual machines')]
}

async function engineFindings(options: DoctorOptions, io: Io): Promise<readonly Finding[]> {
  const found = await lookForEngine(options.engine, io)
  const name = 'engine'
  if (found.kind === 'refused') {
    return [{ name, state: 'missing', value: found.problem.message, mend: found.problem.hint }]
  }
  if (found.kind === 'found') return describeEngine(found, io)
  const tried = found.tried.map((line): Finding => ({ name, state: 'note', value: line }))
  const blocker = startBlocker(io.env, { mayInstall: false })
  return [
    ...tried,
    blocker === null
      ? { name, state: 'ok', value: 'none answers; matrix check starts one of its own' }
      : { name, state: 'missing', value: blocker.message, mend: blocker.hint },
  ]
}

async function describeEngine(
  found: { readonly endpoint: string; readonly access: EngineAccess; readonly how: string },
  io: Io,
): Promise<readonly Finding[]> {
  const { endpoint, access, how } = found
  let facts: EngineFacts
  let unknown: readonly string[]
  try {
    await using engine = connectDocker(endpoint, access)
    using limit = deadline(10_000, io.signal)
    facts = await engine.facts({ signal: limit.signal })
    unknown = await unknownVolumes(engine, { env: io.env, signal: limit.signal })
  } catch (error) {
    io.signal.throwIfAborted()
    const mend = (error instanceof EngineError ? error.hint : undefined) ?? 'start it, or name another with --engine'
    const message = error instanceof Error ? error.message : String(error)
    return [{ name: 'engine', state: 'missing', value: `${endpoint} (${how}): ${message}`, mend }]
  }
  const slow = facts.storageDriver === 'vfs'
  const mode = facts.rootless ? ', rootless' : ''
  return [
    {
      name: 'engine',
      state: 'ok',
      value: `${facts.name} ${facts.version} at ${endpoint} (${how}), cgroup ${facts.cgroup}, ${facts.ociRuntime}${mode}`,
    },
    {
      name: 'storage',
      state: slow ? 'note' : 'ok',
      value: facts.storageDriver,
      ...(slow ? { mend: 'every layer is copied; keep the engine’s data on a disk, not on an overlay' } : {}),
    },
    ...unknownFindings(unknown),
  ]
}

/** Data of hosts that no project of this user is known to have, another user's perhaps. */
async function unknownVolumes(
  engine: Engine,
  { env, signal }: { readonly env: Io['env']; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const known = new Set(allHosts(env).map(({ root }) => projectIdOf(root)))
  const volumes = await engine.list('volume', { 'matrix.role': 'host' }, { signal })
  return volumes.filter(({ labels }) => !known.has(labels['matrix.project'] ?? '')).map(({ name }) => name)
}

function unknownFindings(volumes: readonly string[]): readonly Finding[] {
  const [first] = volumes
  if (first === undefined) return []
  const value = `${volumes.length} of hosts that no project of this user has, such as ${first}`
  const mend = 'docker volume ls --filter label=matrix.role=host names them; docker volume rm where they are nobody’s'
  return [{ name: 'volumes', state: 'note', value, mend }]
}

/** Any reply counts, a refusal without credentials too. */
async function registryFinding(io: Io): Promise<Finding> {
  using limit = deadline(registryWithinMs, io.signal)
  try {
    const reply = await fetch('https://registry-1.docker.io/v2/', { signal: limit.signal })
    await reply.body?.cancel()
    if (reply.status === 200 || reply.status === 401) {
      return { name: 'registry', state: 'ok', value: 'Docker Hub answers' }
    }
  } catch {
    io.signal.throwIfAborted()
  }
  return {
    name: 'registry',
    state: 'note',
    value: 'Docker Hub does not answer; base images are made from packages as matrix.yaml says',
  }
}

/** Whether this machine can offer each host that the project asks for, and one of every further kind. */
async function hostFindings(
  options: DoctorOptions,
  { disks, io }: { readonly disks: Disks; readonly io: Io },
): Promise<readonly Finding[]> {
  const machine = machineOffer(machineFacts(), { disks, env: io.env })
  const loaded = await loadProject(io.cwd, { env: io.env })
  const plan = loaded.ok ? wholePlan(loaded.project) : null
  const asked = (plan?.environments ?? []).flatMap(({ engine }) => (engine.kind === 'provision' ? [engine.spec] : []))
  const others = oneOfEach.filter((spec) => !asked.some((one) => kindOf(one) === kindOf(spec)))
  const specs = new Map([...asked, ...others].map((spec) => [hostName(spec), spec]))
  const images = plan?.builds.length ?? 1
  const local = await lookForEngine(options.engine, io)
  const hosts = [...specs].map(([host, spec]): Finding => {
    const lacking = [
      ...(local.kind === 'found' ? engineShortage(spec, local) : []),
      ...shortages(spec, machine, images),
    ]
    const name = 'host'
    if (lacking.length === 0) return { name, state: 'ok', value: `${host} can be had` }
    const mend = lacking.flatMap((shortage) => shortage.mend ?? []).join('; ')
    const value = `${host}: ${lacking.map(({ what }) => what).join('; ')}`
    return { name, state: 'note', value, ...(mend === '' ? {} : { mend }) }
  })
  return [
    ...triedFindings(io),
    ...hosts,
    ...(plan === null ? [] : await namedFindings(plan, io)),
    ...forsakenFindings(io),
    ...(plan === null ? [] : await roomFindings(plan, { options, io })),
  ]
}

/** Engines that environments connect to. Where one does not answer, only its cells are in trouble. */
async function namedFindings({ environments }: Plan, io: Io): Promise<readonly Finding[]> {
  const usedBy = new Map<string, string[]>()
  for (const { id, engine } of environments) {
    const names = engine.kind === 'connect' ? [engine.endpoint] : engine.kind === 'pool' ? engine.endpoints : []
    for (const name of names) usedBy.set(name, [...(usedBy.get(name) ?? []), id])
  }
  const all = [...usedBy].map(async ([name, ids]): Promise<readonly Finding[]> => {
    const found = await lookForEngine(name, io)
    if (found.kind === 'none') return []
    if (found.kind === 'refused')
      return [{ name: 'engine', state: 'note', value: found.problem.message, mend: found.problem.hint }]
    const [first] = await describeEngine({ ...found, how: ids.join(', ') }, io)
    return first === undefined ? [] : [{ ...first, state: first.state === 'missing' ? 'note' : first.state }]
  })
  return (await Promise.all(all)).flat()
}

/** Hosts that no project is left to take away. */
function forsakenFindings(io: Io): readonly Finding[] {
  const left = forsakenHosts(io.env).map(({ spec, root }) => `${hostName(spec)} of ${root}`)
  if (left.length === 0) return []
  const value = `of projects that are no longer there: ${left.join(', ')}`
  return [{ name: 'hosts', state: 'note', value, mend: 'matrix clean takes them away' }]
}

/** What was tried of the kernel. KVM only makes quicker, so nothing is missing without it. */
function triedFindings(io: Io): readonly Finding[] {
  if (platform() !== 'linux') return []
  const without: Readonly<Partial<Record<Ability, string>>> = { kvm: '; a virtual machine is emulated, and slow' }
  return [tryKvm(io.env), ...tryMachine(io.env)].map(({ ability, works, found, mend }) => ({
    name: titles[ability],
    state: works ? 'ok' : 'note',
    value: `${found}${works === false ? (without[ability] ?? '') : ''}`,
    ...(mend === null ? {} : { mend }),
  }))
}

const titles: Readonly<Record<Ability, string>> = {
  kvm: 'KVM',
  gvisor: 'gVisor',
  'user-namespaces': 'rootless',
  overlay: 'overlay',
  vxlan: 'vxlan',
}

/** What the project's hosts that do not run yet take together. */
async function roomFindings(
  plan: Plan,
  { options, io }: { readonly options: DoctorOptions; readonly io: Io },
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

function programFindings(io: Io): readonly Finding[] {
  const missing = missingPrograms(imagePrograms, io.env)
  return imagePrograms.map((program) =>
    missing.includes(program)
      ? {
          name: program,
          state: 'note',
          value: 'not installed; needed where no registry answers',
          mend: installCommand([program]),
        }
      : { name: program, state: 'ok', value: 'installed' },
  )
}
