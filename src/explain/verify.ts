/** Shows that a set of constraints makes a cell fail, and that none of it can be left out. */
import { type Failure, type FoundCause, judge, keeping } from './probe.ts'
import type { Prober } from './prober.ts'
import { settle } from './settle.ts'

/**
 * The set as far as every member is needed: what fails without a member does so without it as well. Null where the
 * set does not make the cell fail.
 */
export async function verify(
  prober: Prober,
  claim: { readonly constraints: readonly string[]; readonly failure: Failure; readonly background: readonly string[] },
): Promise<FoundCause | null> {
  const { background } = claim
  let { constraints, failure } = claim
  if ((await settle(prober, keeping([...background, ...constraints]), failure)) !== 'same') return null
  for (let index = 0; index < constraints.length && constraints.length > 1; ) {
    const less = constraints.filter((_, at) => at !== index)
    const configuration = keeping([...background, ...less])
    const verdict = await settle(prober, configuration, failure)
    if (verdict === 'pass') {
      index += 1
      continue
    }
    // It fails without this member, if in another way: the others are a cause of their own.
    const failing = prober.heard(configuration).findLast((answer) => judge(answer, failure) === verdict)
    if (failing === undefined || failing.outcome !== 'fail') return null
    failure = { ...failure, answer: failing }
    constraints = less
    index = 0
  }
  return { constraints, failure }
}
