/** Folds the assertions of one probe into what its check records. */
import type { Json, Matcher } from '../model/check.ts'
import type { NoReply, Observation } from '../model/observation.ts'
import type { CheckOutcome, Reason } from '../model/outcome.ts'
import { type Cut, type Match, match } from './matcher.ts'

export interface Verdict {
  readonly outcome: Exclude<CheckOutcome, 'not-run'>
  readonly reason: Reason | null
  readonly message: string | null
  readonly expected: Json
  readonly actual: Json
}

/** One expectation and what was seen in its place. */
export interface Assertion {
  readonly name: string
  readonly matcher: Matcher
  readonly value: Json | undefined
  /** Where not all of the value was seen. */
  readonly cut?: Cut | undefined
  /** Why nothing can be told of it. */
  readonly unknown?: string
  /** What helps to understand why it does not hold. */
  readonly clue?: string
}

/** Every assertion is evaluated, so that a reader sees all that is wrong at once. */
export async function judgeAll(assertions: readonly Assertion[]): Promise<Verdict> {
  const expected: Record<string, Json> = {}
  const actual: Record<string, Json> = {}
  const failures: string[] = []
  const errors: string[] = []
  for (const assertion of assertions) {
    expected[assertion.name] = assertion.matcher as Json
    actual[assertion.name] = assertion.value ?? null
    const { unknown } = assertion
    const result: Match =
      unknown === undefined
        ? await match(assertion.matcher, assertion.value, assertion.cut)
        : { outcome: 'error', message: unknown }
    const clue = assertion.clue ? ` (${assertion.clue})` : ''
    if (result.outcome === 'fail') failures.push(`${assertion.name}: ${result.message}${clue}`)
    if (result.outcome === 'error') errors.push(`${assertion.name}: ${result.message}`)
  }
  const outcome = failures.length > 0 ? 'fail' : errors.length > 0 || assertions.length === 0 ? 'error' : 'pass'
  const messages = assertions.length === 0 ? ['nothing was asserted'] : [...failures, ...errors]
  return {
    outcome,
    reason: outcome === 'pass' ? null : outcome === 'fail' ? 'mismatch' : 'unobservable',
    message: messages.length === 0 ? null : messages.join('; '),
    expected,
    actual,
  }
}

/** The workload gave no reply where one was expected. */
export function judgeNoReply(noReply: NoReply, expected: Json): Verdict {
  return { outcome: 'fail', reason: noReply.reason, message: noReply.message, expected, actual: null }
}

/** The probe could not do its work. */
export function judgeUnobserved(observation: Extract<Observation, { kind: 'unobserved' }>, expected: Json): Verdict {
  return { outcome: 'error', reason: observation.reason, message: observation.message, expected, actual: null }
}
