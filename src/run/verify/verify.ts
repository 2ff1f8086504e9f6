/** Verifies from inside that every declared constraint of a running container is in force. */

import type { Constraints, NetworkPolicy } from '../../model/constraint.ts'
import type { ConstraintRecord } from '../../model/run-record.ts'
import { type Atom, constraintAtoms, covers, impliedAtoms, networkAtoms } from '../../plan/atoms.ts'
import { compareAtom } from './compare.ts'
import { compareNetworkAtom } from './compare-network.ts'
import type { KernelView } from './kernel-view.ts'
import { type NetworkSeen, nothingSeen } from './network.ts'
import type { TriedCall } from './seccomp.ts'

export interface VerifyInput {
  readonly constraints: Constraints
  readonly network: NetworkPolicy
  /** Atoms or keys that the engine is known not to enforce. */
  readonly unsupported: readonly string[]
  /** Aliases of what the container needs, and of those that it reaches through a delay. */
  readonly needs: readonly string[]
  readonly delayed: readonly string[]
  /** Null where the container was gone before it could be read. */
  readonly view: KernelView | null
  readonly seen: NetworkSeen
  /** What the engine says that it started the process with; null where it was not asked. */
  readonly variables: Readonly<Record<string, string>> | null
  /** What the engine does under the seccomp profile; null where that is not known. */
  readonly profile: TriedCall | null
  /** The engine maps ids of users. */
  readonly mapsIds: boolean
}

/** One record an atom; `agrees: false` on any of them means that the cell is not what it says it is. */
export function verifyConstraints(input: VerifyInput): readonly ConstraintRecord[] {
  const declared = constraintAtoms(input.constraints)
  const records: ConstraintRecord[] = []
  for (const atom of declared) records.push(verifyAtom(atom, declared, input))
  for (const atom of impliedAtoms(input.constraints)) {
    if (isUnsupported(atom, input)) records.push(unsupported(atom))
  }
  for (const atom of networkAtoms(input.network)) {
    // A latency lies on the way to what is needed; where nothing is, there is none.
    if (atom.key !== 'network.latency' || input.needs.length > 0) records.push(verifyNetwork(atom, input))
  }
  return records
}

const isUnsupported = (atom: Atom, input: VerifyInput) => input.unsupported.some((name) => covers(name, atom.key))
const unsupported = (atom: Atom): ConstraintRecord => ({
  ...atom,
  provenance: 'unsupported',
  observed: null,
  agrees: null,
})

function verifyAtom(atom: Atom, declared: readonly Atom[], input: VerifyInput): ConstraintRecord {
  if (isUnsupported(atom, input)) return unsupported(atom)
  if (input.view === null) return { ...atom, provenance: 'asserted', observed: null, agrees: null }
  return { ...atom, ...compareAtom(atom, { ...input, view: input.view, declared }) }
}

function verifyNetwork(atom: Atom, input: VerifyInput): ConstraintRecord {
  if (isUnsupported(atom, input)) return unsupported(atom)
  // Of a process that is gone, nothing was tried.
  const seen = input.view === null ? nothingSeen : input.seen
  return { ...atom, ...compareNetworkAtom(atom, { ...input, seen }) }
}
