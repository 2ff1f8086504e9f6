/** `matrix doctor`: what this machine offers, what is missing, and the command that mends it. */
import { platform } from 'node:os'
import { type LoadResult, loadProject } from '../config/load.ts'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, type EngineAccess, EngineError, type EngineFacts } from '../engines/engine.ts'
import { type Disk, type Disks, disksOf, disksToBe, factsSoon } from '../hosts/disks.ts'
import { startBlocker } from '../hosts/embedded.ts'
import { allHosts } from '../hosts/host-record.ts'
import { machineFacts } from '../hosts/machine-facts.ts'
import {
  enginePrograms,
  howToInstall,
  imagePrograms,
  missingPrograms,
  osRelease,
  type Program,
  vmPrograms,
} from '../hosts/packages.ts'
import { mirrorSilence, packageSources } from '../images/package-mirror.ts'
import { deadline } from '../lib/abort.ts'
import { counted } from '../lib/counted.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { Plan } from '../model/plan.ts'
import { exitCodes } from '../model/verdict.ts'
import {
  type Finding,
  forsakenFindings,
  hostFindings,
  type LocalPlace,
  roomFindings,
  unaskedFindings,
} from './doctor-hosts.ts'
import { registryFindings } from './doctor-registries.ts'
import { localEngine, wholePlan } from './hosts.ts'
import type { Io } from './io.ts'
import { enginesNamed, whoNames } from './named-engines.ts'
import { lookForEngine } from './open-engine.ts'

export interface DoctorOptions {
  readonly engine?: string
  readonly json?: boolean
}

const gibibyte = 1024 ** 3
const enoughMemoryBytes = 2 * gibibyte
const enoughDiskBytes = 5 * gibibyte
const hubWithinMs = 4_000
const mirrorWithinMs = 4_000
/** Of the images that Matrix makes for itself. */
const helperSuite = 'bookworm'

/** Starts nothing. Exit 0 where a run could start, 2 where the project has mistakes, 3 where something is missing for it. */
export async function runDoctor(options: DoctorOptions, io: Io): Promise<number> {
  const [engine, hub, mirror] = await Promise.all([engineFindings(options, io), hubFinding(io), mirrorFinding(io)])
  const local = await localPlace(options, io)
  const loaded = await loadProject(io.cwd, { env: io.env })
  const plan = loaded.ok ? wholePlan(loaded.project) : null
  const findings = [
    ...machineFindings(local.disks),
    ...[...engine, hub, mirror, ...programFindings(io)],
    ...projectFindings(loaded),
    ...(plan === null ? [] : await registryFindings(plan.project, io)),
    ...hostFindings(plan, { local, io }),
    ...(plan === null ? [] : await namedFindings(plan, io)),
    ...forsakenFindings(io),
    ...(plan === null ? [] : unaskedFindings(plan, io)),
    ...(plan === null ? [] : await roomFindings(plan, { options, io })),
    ...packageFindings(missingForRun(plan, local, io.env), osRelease()),
  ]
  if (options.json === true) io.stdout(`${JSON.stringify(findings, null, 2)}\n`)
  else io.stdout(printable(render(findings)))
  if (mistakesOf(loaded) > 0) return exitCodes.usage
  return findings.some((finding) => finding.state === 'missing') ? exitCodes.trouble : exitCodes.green
}

/** None where there is no project. */
function mistakesOf(loaded: LoadResult): number {
  return loaded.ok
    ? 0
    : loaded.diagnostics.filter(({ code, severity }) => code !== 'empty' && severity === 'error').length
}

function projectFindings(loaded: LoadResult): readonly Finding[] {
  const name = 'project'
  if (loaded.ok) {
    const { rows, environments } = loaded.project
    const value = `${counted(rows.length, 'stack')} × ${counted(environments.length, 'environment')}`
    return [{ name, state: 'ok', value }]
  }
  const mistakes = mistakesOf(loaded)
  if (mistakes === 0) return []
  const value = `${counted(mistakes, 'mistake')} in its files, so that what it asks for is not known`
  return [{ name, state: 'missing', value, mend: 'matrix validate shows them' }]
}

function render(findings: readonly Finding[]): string {
  const words = { ok: 'ok     ', note: 'note   ', missing: 'MISSING' } as const
  const lines = findings.flatMap(({ name, state, value, mend }) => [
    `${words[state]}  ${name.padEnd(12)}${value}`,
    ...(mend === undefined ? [] : [`${' '.repeat(21)}→ ${mend}`]),
  ])
  return `${lines.join('\n')}\n`
}

/** The engine that nested hosts would be containers of, as far as it tells. */
async function localPlace({ engine }: DoctorOptions, io: Io): Promise<LocalPlace> {
  const found = await lookForEngine(engine, io)
  if (found.kind === 'none') return { engine: null, disks: disksToBe(io.env) }
  await using local = localEngine(found, io)
  const facts = await factsSoon(local, io)
  const { endpoint } = local
  const disks = disksOf({ endpoint, dataRoot: facts?.dataRoot ?? null }, io.env)
  return { engine: { endpoint, rootless: facts?.rootless ?? false }, disks }
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
  found: { readonly endpoint: string; readonly access: EngineAccess; readonly how: string; readonly mend?: string },
  io: Io,
): Promise<readonly Finding[]> {
  const { endpoint, access, how, mend: ownMend = 'start it, or name another with --engine' } = found
  let facts: EngineFacts
  let unknown: readonly string[]
  try {
    await using engine = connectDocker(endpoint, access)
    using limit = deadline(10_000, io.signal)
    facts = await engine.facts({ signal: limit.signal })
    unknown = await unknownVolumes(engine, { env: io.env, signal: limit.signal })
  } catch (error) {
    io.signal.throwIfAborted()
    const mend = (error instanceof EngineError ? error.hint : undefined) ?? ownMend
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
    ...unknownFindings(unknown, endpoint),
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

function unknownFindings(volumes: readonly string[], endpoint: string): readonly Finding[] {
  const [first] = volumes
  if (first === undefined) return []
  const value = `${volumes.length} of hosts that no project of this user has, such as ${first}`
  const docker = `docker -H ${endpoint} volume`
  const mend = `${docker} ls --filter label=matrix.role=host names them; ${docker} rm where they are nobody’s`
  return [{ name: 'volumes', state: 'note', value, mend }]
}

/** Any reply counts, a refusal without credentials too. */
async function hubFinding(io: Io): Promise<Finding> {
  using limit = deadline(hubWithinMs, io.signal)
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

/** Asked as a bootstrap would ask for packages. */
async function mirrorFinding({ env, signal }: Io): Promise<Finding> {
  const name = 'mirror'
  const sources = await packageSources(helperSuite, { env, signal })
  if (sources.length === 0) {
    return { name, state: 'note', value: 'where packages come from is not known: that takes mmdebstrap' }
  }
  const silences = await Promise.all(
    sources.map(async (source) => ({
      ...source,
      why: await mirrorSilence(source, { env, signal, withinMs: mirrorWithinMs }),
    })),
  )
  const silent = silences.find(({ why }) => why !== null)
  if (silent === undefined) {
    const mirrors = new Set(sources.map(({ mirror }) => mirror))
    return { name, state: 'ok', value: `packages can be had: ${[...mirrors].join(', ')}` }
  }
  return {
    name,
    state: 'note',
    value: `${silent.mirror}: ${silent.why}; no base image and no host can be made from packages`,
    mend: `curl -I ${silent.release} shows it; behind a proxy: export http_proxy=http://HOST:PORT`,
  }
}

/** Engines that environments connect to. Where one does not answer, only its cells are in trouble. */
async function namedFindings({ environments }: Plan, io: Io): Promise<readonly Finding[]> {
  const all = [...enginesNamed(environments)].map(async ([name, ids]): Promise<readonly Finding[]> => {
    const found = await lookForEngine(name, io)
    if (found.kind === 'none') return []
    if (found.kind === 'refused') {
      const value = `of ${ids.join(', ')}: ${found.problem.message}`
      return [{ name: 'engine', state: 'note', value, mend: found.problem.hint }]
    }
    const [first] = await describeEngine({ ...found, ...whoNames(ids) }, io)
    return first === undefined ? [] : [{ ...first, state: first.state === 'missing' ? 'note' : first.state }]
  })
  return (await Promise.all(all)).flat()
}

function programFindings(io: Io): readonly Finding[] {
  const missing = missingPrograms(imagePrograms, io.env)
  return imagePrograms.map((program) =>
    missing.includes(program)
      ? {
          name: program,
          state: 'note',
          value: 'not installed; needed where no registry answers',
          mend: howToInstall([program], osRelease()),
        }
      : { name: program, state: 'ok', value: 'installed' },
  )
}

/** What a run of this project may need beside what runs already. */
function missingForRun(plan: Plan | null, { engine }: LocalPlace, env: Io['env']): readonly Program[] {
  if (platform() !== 'linux') return []
  const machines = plan?.environments.some((one) => one.engine.kind === 'provision' && one.engine.spec.kind === 'vm')
  const needed = [
    ...(engine === null ? enginePrograms : []),
    ...imagePrograms,
    ...(machines === true ? vmPrograms : []),
  ]
  return missingPrograms([...new Set(needed)], env)
}

/** All of them in one command, where each is told by itself as well. */
export function packageFindings(missing: readonly Program[], release: string): readonly Finding[] {
  if (missing.length < 2) return []
  const value = `not installed of what this project may need: ${missing.join(', ')}`
  return [{ name: 'packages', state: 'note', value, mend: howToInstall(missing, release) }]
}
