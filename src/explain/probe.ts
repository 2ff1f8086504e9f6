/** What a search asks and what it hears: the cell under another configuration, and how it went. */
import type { Reason, Stage } from '../model/outcome.ts'

/** Which atoms of the environment are in force; `values` gives ordinal ones another value than the environment's. */
export interface Configuration {
  readonly kept: ReadonlySet<string>
  readonly values: Readonly<Record<string, number>>
}

/** How the cell went once. */
export interface Answer {
  /** `unresolved`: it could not be observed. */
  readonly outcome: 'pass' | 'fail' | 'unresolved'
  readonly stage: Stage | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly signature: string | null
  /** The name of the check that decided it; null where none did. */
  readonly check: string | null
  /** Everything that it said: message, checks, logs. */
  readonly clues: string
  readonly durationMs: number
}

/** A failing cell as something that can be asked. */
export interface Subject {
  /** The atoms that its environment imposes. */
  readonly atoms: readonly string[]
  /** Equal for configurations under which the same containers would be started. */
  readonly keyOf: (configuration: Configuration) => string
  readonly run: (configuration: Configuration, signal: AbortSignal) => Promise<Answer>
}

export const keeping = (atoms: Iterable<string>, values: Readonly<Record<string, number>> = {}): Configuration => ({
  kept: new Set(atoms),
  values,
})

/** How an answer compares with the failure that is looked into. */
export type Verdict = 'pass' | 'same' | 'other'

/** How much has to agree for two failures to be the same one. */
export type Likeness = 'signature' | 'reason'
export interface Failure {
  readonly answer: Answer
  readonly likeness: Likeness
}

/** A set of constraints that makes the cell fail, and what it then does. */
export interface FoundCause {
  readonly constraints: readonly string[]
  readonly failure: Failure
}

export function judge(answer: Answer, failure: Failure): Verdict {
  if (answer.outcome === 'pass') return 'pass'
  if (answer.outcome === 'unresolved') return 'other'
  return alike(answer, failure.answer, failure.likeness) ? 'same' : 'other'
}

export function alike(a: Answer, b: Answer, likeness: Likeness): boolean {
  return likeness === 'signature' ? a.signature === b.signature : a.stage === b.stage && a.reason === b.reason
}

/** A configuration in words. */
export function describe({ kept, values }: Configuration, atoms: readonly string[]): string {
  const lifted = atoms.filter((atom) => !kept.has(atom))
  const set = Object.entries(values).map(([key, value]) => `${key} ${value}`)
  const with_ = set.length === 0 ? '' : ` with ${set.join(', ')}`
  if (lifted.length === 0) return `as it is${with_}`
  if (kept.size === 0) return 'with no constraint'
  const short = lifted.length < kept.size ? `without ${some(lifted)}` : `with only ${some([...kept])}`
  return `${short}${with_}`
}

const shown = 5
const some = (atoms: readonly string[]): string =>
  atoms.length <= shown ? atoms.join(', ') : `${atoms.slice(0, shown).join(', ')} and ${atoms.length - shown} more`
