/** Holds one declared atom against what the kernel says of the container. */
import type { Json } from '../../model/check.ts'
import { capabilityNames } from '../../model/kernel-names.ts'
import type { Atom } from '../../plan/atoms.ts'
import { compareMountSize, compareTmpfs, mountAt } from './compare-mounts.ts'
import { asserted, type Comparison, seen } from './comparison.ts'
import type { KernelView } from './kernel-view.ts'
import type { TriedCall } from './seccomp.ts'

export interface AtomContext {
  readonly view: KernelView
  /** All atoms of the container, since some limit one another (`cap_add` lifts a part of `cap_drop:ALL`). */
  readonly declared: readonly Atom[]
  /** What the engine says that it started the process with; null where it was not asked. */
  readonly variables: Readonly<Record<string, string>> | null
  /** What the engine does under the seccomp profile; null where that is not known. */
  readonly profile: TriedCall | null
  /** The engine maps ids of users, so that the kernel names others than the container. */
  readonly mapsIds: boolean
}

export function compareAtom(atom: Atom, context: AtomContext): Comparison {
  const { view, declared } = context
  const [key, name] = split(atom.key)
  switch (key) {
    case 'mem_limit':
      return compareNumber(atom.value, view.cgroup['memory.limit_in_bytes'] ?? view.cgroup['memory.max'], 4096)
    case 'memswap_limit':
      return compareSwap(atom.value, view, declared)
    case 'cpus':
      return compareCpus(atom.value, view)
    case 'cpuset':
      return compareCpuset(String(atom.value), view.cgroup['cpuset.cpus'])
    case 'pids_limit':
      return compareNumber(atom.value, view.cgroup['pids.max'], 0)
    case 'shm_size':
      return compareMountSize(atom.value, mountAt(view, '/dev/shm'))
    case 'ulimits':
      return compareUlimit(atom.value, view.limits[name])
    case 'read_only': {
      const readOnly = mountAt(view, '/')?.options.includes('ro') === true
      return seen(readOnly, readOnly === atom.value)
    }
    case 'tmpfs':
      return compareTmpfs(String(atom.value), mountAt(view, name), context)
    case 'user':
      return compareUser(String(atom.value), view)
    case 'group_add':
      return /^\d+$/.test(name)
        ? seen(view.status['Groups'] ?? '', (view.status['Groups'] ?? '').split(' ').includes(name))
        : asserted
    case 'cap_add':
    case 'cap_drop':
      return compareCapability(key, name, { view, declared })
    case 'security_opt':
      return compareSecurity(name, String(atom.value), context)
    case 'sysctls': {
      const value = view.sysctls[name]
      return value === undefined ? seen(null, false) : seen(value, squeeze(value) === squeeze(String(atom.value)))
    }
    case 'hostname':
      return compareText(atom.value, view.hostname)
    case 'extra_hosts': {
      const line = view.hosts.split('\n').find((candidate) => candidate.split(/\s+/).slice(1).includes(name))
      return seen(line?.split(/\s+/)[0] ?? null, line?.split(/\s+/)[0] === atom.value)
    }
    case 'dns': {
      const servers = [...view.resolver.matchAll(/^nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '')
      // An engine's own resolver stands before the ones that it was given.
      return servers.includes(name) ? seen(servers, true) : asserted
    }
    case 'network_mode':
      return seen(
        [...view.interfaces],
        view.interfaces.every((device) => device === 'lo' || device.startsWith('sit') || device.startsWith('tunl')),
      )
    case 'init':
      return atom.value === true
        ? seen(view.command, /^(docker-init|podman-init|tini|catatonit|init)$/.test(view.command))
        : asserted
    case 'environment':
      return compareVariable(name, atom.value, context)
    default:
      return asserted
  }
}

function split(key: string): readonly [string, string] {
  const at = key.indexOf(':')
  return at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)]
}

function compareNumber(value: Json, text: string | undefined, tolerance: number): Comparison {
  if (text === undefined) return seen(null, false)
  const observed = text === 'max' ? 'max' : Number(text)
  return seen(observed, typeof observed === 'number' && Math.abs(observed - Number(value)) <= tolerance)
}

function compareText(value: Json, text: string | undefined): Comparison {
  return seen(text ?? null, text === value)
}

/** The kernel writes `0,1` as `0-1`. Source: cpuset(7), list format. */
function compareCpuset(wanted: string, text: string | undefined): Comparison {
  return seen(text ?? null, text !== undefined && processorsIn(text).join() === processorsIn(wanted).join())
}

function processorsIn(list: string): readonly number[] {
  const numbers = list.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.trim().split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  return [...new Set(numbers)].sort((a, b) => a - b)
}

function compareSwap(value: Json, view: KernelView, declared: readonly Atom[]): Comparison {
  const together = view.cgroup['memory.memsw.limit_in_bytes']
  if (together !== undefined) return compareNumber(value, together, 4096)
  // cgroup v2 limits swap alone, where compose-spec limits memory and swap together.
  const memory = declared.find((atom) => atom.key === 'mem_limit')?.value
  const swap = view.cgroup['memory.swap.max']
  if (typeof memory !== 'number' || swap === undefined) return seen(null, false)
  return compareNumber(Number(value) - memory, swap, 4096)
}

function compareCpus(value: Json, view: KernelView): Comparison {
  const [quota, period] = view.cgroup['cpu.max']?.split(' ') ?? [
    view.cgroup['cpu.cfs_quota_us'],
    view.cgroup['cpu.cfs_period_us'],
  ]
  if (quota === undefined || period === undefined) return seen(null, false)
  if (quota === 'max' || Number(quota) <= 0) return seen('unlimited', false)
  const cpus = Number(quota) / Number(period)
  return seen(cpus, Math.abs(cpus - Number(value)) < 0.01)
}

function compareUlimit(
  value: Json,
  observed: { readonly soft: number | null; readonly hard: number | null } | undefined,
): Comparison {
  if (observed === undefined || value === null || typeof value !== 'object') return seen(null, false)
  const wanted = value as { readonly soft: number; readonly hard: number }
  const same = (limit: number | null, asked: number) => limit === asked || (limit === null && asked === -1)
  // A process may lower its own soft limit, and raise it up to the hard one: only the hard one is what was imposed.
  const told = same(observed.soft, wanted.soft) ? { ...observed } : { hard: observed.hard }
  return seen(told, same(observed.hard, wanted.hard))
}

function compareUser(wanted: string, view: KernelView): Comparison {
  const [user, group] = wanted.split(':')
  const uid = view.status['Uid']?.split(' ')[1] ?? ''
  const gid = view.status['Gid']?.split(' ')[1] ?? ''
  if (user === undefined || !/^\d+$/.test(user)) return asserted
  const observed = `${uid}:${gid}`
  // A process that was started as root may give that up, so another id is no proof that it was not.
  if (user === '0' && uid !== '0') return asserted
  return seen(observed, uid === user && (group === undefined || !/^\d+$/.test(group) || gid === group))
}

/** The bounding set is what an engine imposes; the effective set is the process's own affair. */
function boundingSet(view: KernelView): ReadonlySet<string> {
  const bits = BigInt(`0x${view.status['CapBnd'] ?? '0'}`)
  return new Set(capabilityNames.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n))
}

function compareCapability(
  key: 'cap_add' | 'cap_drop',
  name: string,
  context: { readonly view: KernelView; readonly declared: readonly Atom[] },
): Comparison {
  const bounding = boundingSet(context.view)
  const observed = [...bounding]
  const added = new Set(
    context.declared.flatMap((atom) => (atom.key.startsWith('cap_add:') ? [atom.key.slice('cap_add:'.length)] : [])),
  )
  if (key === 'cap_add') return seen(observed, name === 'ALL' ? observed.length > 14 : bounding.has(name))
  if (name === 'ALL') return seen(observed, added.has('ALL') || observed.every((capability) => added.has(capability)))
  return seen(observed, !bounding.has(name) || added.has(name))
}

function compareSecurity(name: string, text: string, { profile, view }: AtomContext): Comparison {
  switch (name) {
    case 'no-new-privileges': {
      // gVisor's kernel does not tell.
      if (view.status['NoNewPrivs'] === undefined) return asserted
      const observed = view.status['NoNewPrivs'] === '1'
      return seen(observed, observed === !/[:=]false$/.test(text))
    }
    case 'seccomp': {
      const filtered = view.status['Seccomp'] === '2'
      const observed = filtered ? 'filter' : 'none'
      if (/unconfined$/.test(text)) return seen(observed, !filtered)
      const isNamed = /[:=](builtin|default)$/.test(text)
      if (filtered && !isNamed && profile?.denied === false) return seen(`a filter that allows ${profile.call}`, false)
      // That there is a filter is seen, and not which: it may be the engine's own instead of this profile.
      return filtered && !isNamed ? { ...asserted, observed } : seen(observed, filtered)
    }
    default:
      return asserted
  }
}

/**
 * A process may write over its environment or leave it behind, so a variable that is not seen inside is looked for in
 * the engine's record. Another value than the declared one may be a secret, and is not told.
 */
function compareVariable(name: string, value: Json, { view, variables }: AtomContext): Comparison {
  if (view.environment[name] === value) return seen(value, true)
  const given = variables?.[name]
  if (variables === null || given === value) return asserted
  return seen(given === undefined ? 'not set' : 'another value', false)
}

const squeeze = (text: string) => text.trim().replace(/\s+/g, ' ')
