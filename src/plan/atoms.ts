/** Takes constraints apart into atoms: the smallest properties that an administrator can change. */
import type { Json } from '../model/check.ts'
import { type Constraints, type NetworkPolicy, usualIds } from '../model/constraint.ts'

/** `key` is spelled as run.json spells it: `read_only`, `cap_drop:CHOWN`, `tmpfs:/run`, `network.egress`. */
export interface Atom {
  readonly key: string
  readonly value: Json
}

/** Every atom of `constraints`, in the order of compose-spec's keys as declared. */
export function constraintAtoms(constraints: Constraints): readonly Atom[] {
  const atoms: Atom[] = []
  for (const [key, value] of Object.entries(constraints)) {
    switch (key) {
      case 'ulimits':
      case 'tmpfs':
      case 'sysctls':
      case 'extra_hosts':
      case 'environment':
        for (const [name, entry] of Object.entries(value as Record<string, Json>)) {
          atoms.push({ key: `${key}:${name}`, value: entry })
        }
        break
      case 'cap_add':
      case 'cap_drop':
      case 'group_add':
      case 'dns':
        for (const item of value as readonly string[]) atoms.push({ key: `${key}:${item}`, value: true })
        break
      case 'security_opt':
        for (const option of value as Required<Constraints>['security_opt']) {
          atoms.push({ key: `security_opt:${securityOptionName(option.text)}`, value: option.text })
        }
        break
      default:
        if (value !== undefined) atoms.push({ key, value: value as Json })
    }
  }
  return atoms
}

/** That a user who is a number other than root's has no name: asked by the number, and its own affair of an engine. */
const namelessUser: Atom = { key: 'user:no-passwd-entry', value: true }

/** What constraints ask beside their own atoms: told where an engine is known not to do it, since an image may do so too. */
export function impliedAtoms({ user }: Constraints): readonly Atom[] {
  return /^[1-9]\d*(:|$)/.test(user ?? '') ? [namelessUser] : []
}

/**
 * By which an engine may be known not to enforce an atom: of a seccomp profile of one's own more than its key, since the
 * engine may know its own profile and none; of a user or group whether an engine without root usually has its id.
 */
export function limitName({ key, value }: Atom): string {
  if (key === 'security_opt:seccomp') {
    return /[:=](unconfined|default|builtin)$/.test(String(value)) ? key : `${key}:profile`
  }
  if (key === 'user' && String(value).split(':').some(isUnmapped)) return 'user:not-mapped'
  if (key.startsWith('group_add:') && isUnmapped(key.slice('group_add:'.length))) return 'group_add:not-mapped'
  return key
}

const isUnmapped = (id: string) => /^\d+$/.test(id) && Number(id) >= usualIds

/** The atoms of a network policy; what is left at its default is none. */
export function networkAtoms(policy: NetworkPolicy): readonly Atom[] {
  return [
    { key: 'network.egress', value: policy.egress },
    ...(policy.proxy === undefined ? [] : [{ key: 'network.proxy', value: policy.proxy }]),
    ...(policy.ipv6 === undefined ? [] : [{ key: 'network.ipv6', value: policy.ipv6 }]),
    ...(policy.latencyMs === undefined ? [] : [{ key: 'network.latency', value: policy.latencyMs }]),
    ...(policy.mtu === undefined ? [] : [{ key: 'network.mtu', value: policy.mtu }]),
  ]
}

/** `no-new-privileges:true` → `no-new-privileges`; `seccomp=./p.json` → `seccomp`. */
export function securityOptionName(text: string): string {
  return /^[^:=]+/.exec(text)?.[0] ?? text
}

/** Whether `name`, a key or an atom, covers `atom`: `cap_drop` covers `cap_drop:CHOWN`. */
export function covers(name: string, atom: string): boolean {
  return name === atom || atom.startsWith(`${name}:`) || (name === 'network' && atom.startsWith('network.'))
}
