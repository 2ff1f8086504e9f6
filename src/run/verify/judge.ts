/** What the verification of a cell's containers comes to: one record a constraint, and whatever is wrong with one. */
import type { ConstraintRecord } from '../../model/run-record.ts'
import { covers } from '../../plan/atoms.ts'
import type { Problem } from '../problem.ts'

/** `trouble`: why the container could not be read from inside; null where it could, or where it was gone. */
export interface Verification {
  readonly records: readonly ConstraintRecord[]
  readonly trouble: string | null
}

export interface VerifiedCopy extends Verification {
  readonly alias: string
  /** Its records are the cell's; the others' only where they tell what these do not, or disagree. */
  readonly own: boolean
}

/** @param required keys or atoms that have to be seen to be in force */
export function judgeConstraints(
  copies: readonly VerifiedCopy[],
  required: readonly string[],
): { readonly constraints: readonly ConstraintRecord[]; readonly problems: readonly Problem[] } {
  const constraints = new Map<string, ConstraintRecord>()
  const problems: Problem[] = []
  const problem = (reason: Problem['reason'], message: string) =>
    problems.push({ kind: 'error', stage: 'constraints', reason, message })
  for (const { alias, own, records, trouble } of copies) {
    if (trouble !== null) {
      problem('unobservable', `whether the constraints of ${alias} are in force could not be seen: ${trouble}`)
    }
    for (const record of records) {
      const { key, value, observed, agrees, provenance } = record
      if (agrees === false) {
        const saw = `declared ${JSON.stringify(value)}, observed ${JSON.stringify(observed)}`
        problem('not-in-force', `${key} on ${alias}: ${saw}`)
      } else if (agrees === null && required.some((name) => covers(name, key))) {
        if (provenance === 'unsupported') problem('not-enforced', `${key} is required, and is not applied to ${alias}`)
        else problem('unobservable', `${key} is required, and whether it is in force on ${alias} could not be seen`)
      }
      const tellsMore = observed !== null || !constraints.has(key)
      if ((own && tellsMore) || agrees === false) constraints.set(key, record)
    }
  }
  return { constraints: [...constraints.values()], problems }
}
