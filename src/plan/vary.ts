/** The inverse of taking constraints apart: an environment with only some of its atoms, or with other values of them. */
import type { Constraints, NetworkPolicy } from '../model/constraint.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { Environment, Project } from '../model/project.ts'
import { constraintAtoms, networkAtoms, securityOptionName } from './atoms.ts'
import { type EngineKind, engineDefaults, grantedCapabilities } from './engine-defaults.ts'
import { planCell } from './plan.ts'

const docker: EngineKind = { family: 'docker', major: null }

/** Lowest first: a value below fails where one above may pass. */
export const ordinalPattern = /^(mem_limit|cpus|pids_limit|shm_size|stop_grace_period|ulimits:.+|tmpfs:.+)$/

/** A cell of a project as its environment could be: what a search varies. */
export interface Variable {
  /** The atoms that the environment imposes on the cell, each of which can be lifted; some of no effect may be in it. */
  readonly atoms: readonly string[]
  /** Ordinal atoms that have a number, and which. */
  readonly values: Readonly<Record<string, number>>
  /** The cell under these atoms alone; `values` gives ordinal ones another number. */
  cell(kept: ReadonlySet<string>, values: Readonly<Record<string, number>>): RunnableCell
}

/** @param engine its own defaults beside Docker's are atoms too, where the environment does not say otherwise */
export function variableOf(
  project: Project,
  cell: Pick<RunnableCell, 'row' | 'environment'>,
  engine: EngineKind = docker,
): Variable {
  const capabilities = grantedCapabilities(docker)
  const row = project.rows.find(({ id }) => id === cell.row)
  const environment = project.environments.find(({ id }) => id === cell.environment)
  if (row === undefined || environment === undefined) throw new Error(`${cell.row}@${cell.environment} is not planned`)
  const rows = new Map(project.rows.map((one) => [one.id, one]))
  const expanded = { ...environment, constraints: expandDrops(environment.constraints, capabilities) }
  const plan = (as: Environment): RunnableCell => {
    const options = { chosen: () => true, unsupported: () => new Set<string>() }
    const planned = planCell({ project: { ...project, exclusions: [] }, rows, row, environment: as, options })
    if (planned.kind !== 'run') throw new Error(`${planned.id} is excluded`)
    return planned
  }
  const sold = environment.constraints.mem_limit === undefined ? memoryCap(plan, environment) : null
  const imposed = constraintAtoms(expanded.constraints)
  const defaults = ownDefaults(engine).filter(({ atom }) => !imposed.some(({ key }) => atom === `default:${key}`))
  const values: Record<string, number> = sold === null ? {} : { mem_limit: sold }
  for (const atom of imposed) {
    const number = numberOf(atom.key, atom.value)
    if (number !== null) values[atom.key] = number
  }
  return {
    atoms: [
      ...imposed.map(({ key }) => key),
      ...(sold === null ? [] : ['mem_limit']),
      ...networkAtoms(environment.network).flatMap(({ key, value }) =>
        key === 'network.proxy' || (key === 'network.egress' && value === 'open') ? [] : [key],
      ),
      ...defaults.map(({ atom }) => atom),
    ],
    values,
    cell: (kept, changed) => {
      const varied = vary(expanded, { kept, values: changed, capabilities })
      const given = defaults.flatMap(({ atom, back }) => (kept.has(atom) ? [] : [back]))
      return plan({ ...varied, constraints: given.reduce(giveBack, varied.constraints) })
    },
  }
}

/** More than any machine has. */
const unlimited = 1_000_000

/** What an engine takes away by default that Docker does not, and the constraints that give it back. */
function ownDefaults(engine: EngineKind): readonly { readonly atom: string; readonly back: Constraints }[] {
  if (engine.family === docker.family) return []
  const usual = new Map(engineDefaults(docker).map(({ property, value }) => [property, value]))
  return engineDefaults(engine).flatMap(({ property, value, imposed }) =>
    imposed === null || value === usual.get(property)
      ? []
      : constraintAtoms(imposed).flatMap(({ key }) => {
          const back = givenBack(key, usual.get(property))
          return back === null ? [] : [{ atom: `default:${key}`, back }]
        }),
  )
}

function givenBack(key: string, usual: unknown): Constraints | null {
  const [name, entry] = key.split(/:(.*)/s)
  switch (name) {
    case 'cap_drop':
      return entry === undefined ? null : { cap_add: [entry] }
    case 'sysctls':
      return entry === undefined ? null : { sysctls: { [entry]: String(usual) } }
    case 'pids_limit':
      return { pids_limit: unlimited }
    default:
      return null
  }
}

/** What an engine takes away by default, given back. */
function giveBack(constraints: Constraints, given: Constraints): Constraints {
  return {
    ...constraints,
    ...given,
    ...(given.cap_add === undefined ? {} : { cap_add: [...(constraints.cap_add ?? []), ...given.cap_add] }),
    ...(given.sysctls === undefined ? {} : { sysctls: { ...constraints.sysctls, ...given.sysctls } }),
  }
}

/** The least memory that a container of the cell gets only because no more is sold; null where each gets what it asks for. */
function memoryCap(plan: (as: Environment) => RunnableCell, environment: Environment): number | null {
  const memory = (cell: RunnableCell) => cell.copies.map((copy) => copy.config.constraints.mem_limit)
  const asked = memory(plan({ ...environment, sells: {} }))
  const capped = memory(plan(environment)).filter((bytes, index) => bytes !== asked[index])
  const known = capped.filter((bytes) => bytes !== undefined)
  return known.length === 0 ? null : Math.min(...known)
}

function expandDrops(constraints: Constraints, capabilities: readonly string[]): Constraints {
  if (!constraints.cap_drop?.includes('ALL')) return constraints
  const named = constraints.cap_drop.filter((name) => name !== 'ALL')
  return { ...constraints, cap_drop: [...new Set([...capabilities, ...named])] }
}

function numberOf(key: string, value: unknown): number | null {
  if (!ordinalPattern.test(key)) return null
  if (typeof value === 'number') return value
  if (key.startsWith('tmpfs:')) return sizeOf(String(value))
  return typeof value === 'object' && value !== null ? (value as { readonly soft: number }).soft : null
}

function vary(
  environment: Environment,
  options: {
    readonly kept: ReadonlySet<string>
    readonly values: Readonly<Record<string, number>>
    readonly capabilities: readonly string[]
  },
): Environment {
  const { kept, values } = options
  const memory = environment.constraints.mem_limit === undefined && kept.has('mem_limit')
  const sold = values['mem_limit']
  const { egress, proxy, ipv6, latencyMs, mtu } = environment.network
  // A proxy goes with the policy that sends everything through it.
  const closed = kept.has('network.egress') && egress !== 'open'
  const network: NetworkPolicy = {
    egress: closed ? egress : 'open',
    ...(closed && proxy !== undefined ? { proxy } : {}),
    ...(ipv6 !== undefined && kept.has('network.ipv6') ? { ipv6 } : {}),
    ...(latencyMs !== undefined && kept.has('network.latency') ? { latencyMs } : {}),
    ...(mtu !== undefined && kept.has('network.mtu') ? { mtu } : {}),
  }
  return {
    ...environment,
    constraints: varyConstraints(environment.constraints, options),
    sells: !memory ? {} : sold === undefined ? environment.sells : { mem_max: sold },
    network,
  }
}

function varyConstraints(
  constraints: Constraints,
  options: {
    readonly kept: ReadonlySet<string>
    readonly values: Readonly<Record<string, number>>
    readonly capabilities: readonly string[]
  },
): Constraints {
  const { kept, values, capabilities } = options
  const varied: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(constraints)) {
    const part = partOf(key, value, kept)
    if (part !== undefined) varied[key] = withValues(key, part, values)
  }
  const result = varied as Constraints
  // An engine takes a limit on swap only beside one on memory.
  const { memswap_limit, ...rest } = result
  const swap =
    memswap_limit === undefined || rest.mem_limit === undefined
      ? {}
      : { memswap_limit: memswap_limit - (constraints.mem_limit ?? 0) + rest.mem_limit }
  const drops = rest.cap_drop ?? []
  const all = capabilities.every((name) => drops.includes(name))
  // All of them under one name, so that what the engine does not know by name is dropped as well.
  return { ...rest, ...swap, ...(all && drops.length > 0 ? { cap_drop: ['ALL'] } : {}) }
}

/** The entries of a constraint that are kept; undefined where there is none. */
function partOf(key: string, value: unknown, kept: ReadonlySet<string>): unknown {
  switch (key) {
    case 'ulimits':
    case 'tmpfs':
    case 'sysctls':
    case 'extra_hosts':
    case 'environment': {
      const entries = Object.entries(value as object).filter(([name]) => kept.has(`${key}:${name}`))
      return entries.length === 0 ? undefined : Object.fromEntries(entries)
    }
    case 'cap_add':
    case 'cap_drop':
    case 'group_add':
    case 'dns': {
      const items = (value as readonly string[]).filter((item) => kept.has(`${key}:${item}`))
      return items.length === 0 ? undefined : items
    }
    case 'security_opt': {
      const options = (value as Required<Constraints>['security_opt']).filter((option) =>
        kept.has(`security_opt:${securityOptionName(option.text)}`),
      )
      return options.length === 0 ? undefined : options
    }
    default:
      return kept.has(key) ? value : undefined
  }
}

function withValues(key: string, part: unknown, values: Readonly<Record<string, number>>): unknown {
  if (key === 'ulimits') {
    return Object.fromEntries(
      Object.entries(part as Required<Constraints>['ulimits']).map(([name, limit]) => {
        const value = values[`ulimits:${name}`]
        return [name, value === undefined ? limit : { soft: value, hard: Math.max(value, limit.hard) }]
      }),
    )
  }
  if (key === 'tmpfs') {
    return Object.fromEntries(
      Object.entries(part as Required<Constraints>['tmpfs']).map(([path, mount]) => {
        const value = values[`tmpfs:${path}`]
        return [path, value === undefined ? mount : mount.replace(sizePattern, `$1size=${value}`)]
      }),
    )
  }
  return values[key] ?? part
}

const sizePattern = /(^|,)size=[^,]+/

function sizeOf(mount: string): number | null {
  const [, digits, unit = ''] = /(?:^|,)size=(\d+)([kmg]?)/i.exec(mount) ?? []
  const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()]
  return digits === undefined || factor === undefined ? null : Number(digits) * factor
}
