/** `matrix env diff A B`: two columns property by property, the defaults of their engines written out. Starts nothing. */
import { release } from 'node:os'
import Table from 'cli-table3'
import { loadProject } from '../config/load.ts'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { EngineError, type EngineFacts } from '../engines/engine.ts'
import { expectedEngine } from '../hosts/expected-engine.ts'
import { oneLine, printable } from '../lib/printable.ts'
import type { Environment, HostSpec } from '../model/project.ts'
import { exitCodes } from '../model/verdict.ts'
import { compareEnvironments, type Property, type PropertyRow, type Side } from '../plan/compare-environments.ts'
import { engineKindOf } from '../plan/engine-defaults.ts'
import { type Io, tableWidth } from './io.ts'
import { knownLimits } from './known-limits.ts'
import { lookForEngine } from './open-engine.ts'

export interface EnvDiffOptions {
  /** Also what is the same in both. */
  readonly all?: boolean
  readonly json?: boolean
}

/** Exit 0 whether they differ or not. */
export async function runEnvDiff(
  ids: { readonly before: string; readonly after?: string },
  options: EnvDiffOptions,
  io: Io,
): Promise<number> {
  const loaded = await loadProject(io.cwd, { env: io.env })
  if (!loaded.ok) {
    io.stderr('matrix: the project has mistakes; matrix validate shows them\n')
    return exitCodes.usage
  }
  const { environments } = loaded.project
  const known = environments.map(({ id }) => id).join(', ') || 'none'
  const named = [ids.before, ...(ids.after === undefined ? [] : [ids.after])]
  const unknown = named.filter((name) => !environments.some(({ id }) => id === name))
  if (unknown.length > 0) {
    io.stderr(printable(`matrix: there is no environment "${unknown.join('" and no "')}"; there are: ${known}\n`))
    return exitCodes.usage
  }
  const [before, after] = named.map((name) => environments.find(({ id }) => id === name))
  if (before === undefined || after === undefined) {
    const others = environments.flatMap(({ id }) => (id === ids.before ? [] : [id])).join(', ') || 'there is no other'
    io.stderr(printable(`matrix: ${ids.before} is compared with another environment; name one of: ${others}\n`))
    return exitCodes.usage
  }
  const sides = { before: await sideOf(before, io), after: await sideOf(after, io) }
  const rows = compareEnvironments(sides.before, sides.after)
  const shown = options.all === true ? rows : rows.filter(({ differs }) => differs)
  io.stdout(options.json === true ? asJson(sides, shown) : asText(sides, shown, tableWidth(io)))
  return exitCodes.green
}

interface KnownSide extends Side {
  /** The engine in words. */
  readonly title: string
}
interface Sides {
  readonly before: KnownSide
  readonly after: KnownSide
}

async function sideOf(environment: Environment, io: Io): Promise<KnownSide> {
  const { engine: choice } = environment
  if (choice.kind === 'provision') {
    const { spec } = choice
    const expected = expectedEngine(spec)
    const { name: family, version, rootless } = expected
    const engine = { family, major: Number.parseInt(version, 10) }
    const from = spec.kind === 'published' ? spec.image : `Debian ${spec.release}`
    const place = spec.kind === 'swarm' || spec.kind === 'vm' ? `, ${spec.kind}` : ''
    const title = `${rootless ? 'rootless ' : ''}${family} ${engine.major} of ${from}${place}`
    const facts = factsOf({ ...expected, kernel: kernelOf(spec), nodes: spec.kind === 'swarm' ? spec.nodes : 1 })
    return { environment, engine, title, facts, unenforced: knownLimits(choice) }
  }
  if (choice.kind === 'pool') return { environment, engine: null, title: `one of ${choice.endpoints.join(', ')}` }
  const asked = choice.kind === 'connect' ? choice.endpoint : undefined
  const found = await lookForEngine(asked, io)
  if (found.kind !== 'found') return { environment, engine: null, title: `${asked ?? 'the default engine'}, no answer` }
  await using engine = connectDocker(found.endpoint, found.access)
  try {
    const known = await engine.facts({ signal: io.signal })
    const { name, version, unsupported } = known
    const title = `${name} ${version}`
    return { environment, engine: engineKindOf(known), title, facts: factsOf(known), unenforced: unsupported }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return { environment, engine: null, title: `${found.endpoint}, no answer` }
  }
}

interface PlaceFacts extends Pick<EngineFacts, 'cgroup' | 'rootless' | 'nodes' | 'kernel'> {
  readonly name: string
  readonly ociRuntime: string | undefined
}

/** What no environment can impose. */
const factsOf = ({ name, kernel, cgroup, ociRuntime, rootless, nodes }: PlaceFacts): Required<Side>['facts'] => ({
  kernel,
  'control groups': cgroup,
  'OCI runtime': ociRuntime ?? (name === 'podman' ? 'crun' : 'runc'),
  'engine runs as': rootless ? 'a user' : 'root',
  machines: nodes,
})

/** A container has the machine's. */
function kernelOf(spec: HostSpec): string {
  if (spec.kind === 'vm') return `of Debian ${spec.release}`
  return spec.kind === 'nested' && spec.runtime === 'runsc' ? "gVisor's" : release()
}

function asJson({ before, after }: Sides, rows: readonly PropertyRow[]): string {
  const side = ({ environment, title, engine }: KnownSide) => ({
    environment: environment.id,
    engine: title,
    known: engine !== null,
  })
  return `${JSON.stringify({ before: side(before), after: side(after), properties: rows }, null, 2)}\n`
}

function asText({ before, after }: Sides, rows: readonly PropertyRow[], width: number): string {
  const table = new Table({
    head: ['', before.environment.id, after.environment.id],
    style: { head: [], border: [], compact: true },
    colWidths: colWidths(width, rows),
    wordWrap: true,
    wrapOnWordBoundary: true,
  })
  table.push(['engine', before.title, after.title])
  for (const row of rows)
    table.push([row.property, asWords(row.property, row.before), asWords(row.property, row.after)])
  const unknown = [before, after].filter(({ engine }) => engine === null)
  const remarks = [
    ...(rows.length === 0 ? ['No property differs.'] : []),
    ...unknown.map(({ environment }) => `The engine of ${environment.id} is not known, so its defaults are left out.`),
  ]
  return printable(`${[table.toString(), ...remarks].join('\n')}\n`)
}

/** The names are not cut as long as there is room for the two sides. */
function colWidths(width: number, rows: readonly PropertyRow[]): number[] {
  const room = Math.min(width, 128) - 4
  const name = Math.min(2 + Math.max(10, ...rows.map(({ property }) => property.length)), Math.floor(room / 2))
  const side = Math.max(12, Math.floor((room - name) / 2))
  return [name, side, side]
}

function asWords(property: string, told: Property | null): string {
  if (told === null) return '-'
  const { value, from, enforced } = told
  const list = Array.isArray(value) ? value.map(String).join(' ') || 'none' : null
  // With spaces, at which it can be wrapped.
  const fields = (entries: object) => JSON.stringify(entries, null, 1).replace(/\s+/g, ' ')
  const text = list ?? (typeof value === 'object' && value !== null ? fields(value) : withUnit(property, value))
  const remarks = [...(from === 'default' ? ['engine default'] : []), ...(enforced === false ? ['not enforced'] : [])]
  return oneLine(`${text}${remarks.length > 0 ? ` (${remarks.join(', ')})` : ''}`, 400)
}

const bytes = new Set(['mem_limit', 'memswap_limit', 'shm_size', 'sells.mem_max', 'sells.mem_default'])
const times = /^(contract\.(ready_within|stays_up|stops_within)|network\.latency|stop_grace_period)$/

/** As it is written in a file. */
function withUnit(property: string, value: unknown): string {
  if (typeof value !== 'number') return String(value)
  if (bytes.has(property)) return value % 1024 ** 2 === 0 ? `${value / 1024 ** 2}m` : `${value}b`
  if (times.test(property)) return value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`
  return String(value)
}
