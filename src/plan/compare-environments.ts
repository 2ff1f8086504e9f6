/** What differs between two environments: their properties side by side, the defaults of their engines written out. */
import type { Json } from '../model/check.ts'
import type { Environment } from '../model/project.ts'
import { type Atom, constraintAtoms, covers, limitName, networkAtoms } from './atoms.ts'
import { type EngineKind, engineDefaults, grantedCapabilities } from './engine-defaults.ts'

export interface Side {
  readonly environment: Environment
  /** Null where nothing is known of the engine, so that its defaults are not either. */
  readonly engine: EngineKind | null
  /** What the place is and no environment can impose, such as its control groups. */
  readonly facts?: Readonly<Record<string, Json>>
  /** Keys or atoms that the engine is known not to enforce. */
  readonly unenforced?: ReadonlySet<string>
}
export interface Property {
  readonly value: Json
  /** `imposed`: by the environment; `default`: what its engine does by itself; `fact`: what the place is. */
  readonly from: 'imposed' | 'default' | 'fact'
  /** Only where it is said and not so: the engine does not enforce it. */
  readonly enforced?: false
}
export interface PropertyRow {
  readonly property: string
  /** Null: it says nothing of this property. */
  readonly before: Property | null
  readonly after: Property | null
  readonly differs: boolean
}

/** Every property of either, in the order of the first, then of the second. */
export function compareEnvironments(before: Side, after: Side): readonly PropertyRow[] {
  const [a, b] = [propertiesOf(before), propertiesOf(after)]
  return [...new Set([...a.keys(), ...b.keys()])].map((property) => {
    const [one, other] = [a.get(property) ?? null, b.get(property) ?? null]
    return { property, before: one, after: other, differs: asSeen(one) !== asSeen(other) }
  })
}

/** What is not in force is not the same as what is. */
const asSeen = (property: Property | null): string => JSON.stringify([property?.value, property?.enforced])

/** What is sold is given as this limit. */
const soldAs: Readonly<Record<string, string>> = { 'sells.mem_max': 'mem_limit', 'sells.mem_default': 'mem_limit' }

/** What is imposed stands in place of the engine's default. */
export function propertiesOf({ environment, engine, facts = {}, unenforced }: Side): ReadonlyMap<string, Property> {
  const properties = new Map<string, Property>()
  const set = (atom: Atom, from: Property['from']) => {
    const limit = soldAs[atom.key] ?? limitName(atom)
    // Of no limit nothing has to be enforced.
    const isEnforced = atom.value === 'unlimited' || ![...(unenforced ?? [])].some((name) => covers(name, limit))
    properties.set(atom.key, { value: atom.value, from, ...(isEnforced ? {} : { enforced: false }) })
  }
  for (const [key, value] of Object.entries(facts)) set({ key, value }, 'fact')
  for (const { property: key, value } of engine === null ? [] : engineDefaults(engine)) {
    if (value !== null) set({ key, value }, 'default')
  }
  const impose = (key: string, value: Json) => set({ key, value }, 'imposed')
  for (const { key, value } of constraintAtoms(environment.constraints)) {
    if (!key.startsWith('cap_')) impose(key, value)
  }
  const { cap_add = [], cap_drop = [] } = environment.constraints
  if (cap_add.length + cap_drop.length > 0) {
    if (engine !== null) impose('capabilities', remaining(grantedCapabilities(engine), { cap_add, cap_drop }))
    else impose('capabilities', { cap_add: [...cap_add], cap_drop: [...cap_drop] })
  }
  for (const { key, value } of networkAtoms(environment.network)) impose(key, value)
  const { contract, sells, allow, required, timeScale } = environment
  const rest: Readonly<Record<string, Json | undefined>> = {
    'sells.mem_max': sells.mem_max,
    'sells.mem_default': sells.mem_default,
    'allow.cap_add': allow.cap_add.length > 0 ? [...allow.cap_add].sort() : undefined,
    required: required.length > 0 ? [...required].sort() : undefined,
    'contract.ready_within': contract.readyWithinMs,
    'contract.stays_up': contract.staysUpMs,
    'contract.stops_within': contract.stopsWithinMs,
    'contract.port': contract.port,
    time_scale: timeScale,
  }
  for (const [property, value] of Object.entries(rest)) if (value !== undefined) impose(property, value)
  return properties
}

/** As an engine reckons: all are dropped first where ALL is, and what is added comes on top. */
function remaining(
  granted: readonly string[],
  change: { readonly cap_add: readonly string[]; readonly cap_drop: readonly string[] },
): readonly string[] {
  if (change.cap_add.includes('ALL')) return ['ALL', ...change.cap_drop.map((name) => `without ${name}`)]
  const kept = change.cap_drop.includes('ALL') ? [] : granted.filter((name) => !change.cap_drop.includes(name))
  return [...new Set([...kept, ...change.cap_add])].sort()
}
