/** `matrix doctor`: what this machine offers, what is missing, and the command that mends it. */
import { platform } from 'node:os'
import { type LoadResult, loadProject } from '../config/load.ts'
import { type Disk, type Disks, disksOf, disksToBe, factsSoon } from '../hosts/disks.ts'
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
import type { Plan } from '../model/plan.ts'
import { exitCodes } from '../model/verdict.ts'
import { engineFindings, namedFindings } from './doctor-engines.ts'
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
  const [engine, hub, mirror] = await Promise.all([
    engineFindings(options.engine, io),
    hubFinding(io),
    mirrorFinding(io),
  ])
  const local = await localPlace(options, io)
  const loaded = await loadProject(io.cwd, { env: io.env })
  const plan = loaded.ok ? wholePlan(loaded.project) : null
  const mistakes = mistakesIn(loaded)
  const findings = [
    ...machineFindings(local.disks),
    ...[...engine, hub, mirror, ...programFindings(io)],
    ...projectFindings(loaded, mistakes),
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
  if (mistakes > 0) return exitCodes.usage
  return findings.some((finding) => finding.state === 'missing') ? exitCodes.trouble : exitCodes.green
}

/** Mistakes in its files; none where there is no project. */
function mistakesIn(loaded: LoadResult): number {
  if (loaded.ok) return 0
  return loaded.diagnostics.filter(({ code, severity }) => code !== 'empty' && severity === 'error').length
}

function projectFindings(loaded: LoadResult, mistakes: number): readonly Finding[] {
  const name = 'project'
  if (mistakes > 0) {
    const value = `${counted(mistakes, 'mistake')} in its files, so that what it asks for is not known`
    return [{ name, state: 'missing', value, mend: 'matrix validate shows them' }]
  }
  if (!loaded.ok) return []
  const { rows, environments } = loaded.project
  const value = `${counted(rows.length, 'stack')} × ${counted(environments.length, 'environment')}`
  return [{ name, state: 'ok', value }]
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
