/** Puts a question until enough answers agree. */
import { type Configuration, type Failure, judge, type Verdict } from './probe.ts'
import type { Prober } from './prober.ts'

export const mostVotes = 5

/**
 * The verdict that is two votes ahead of every other; after five answers the one that leads, or `other`.
 * @param lead how far ahead it has to be once the first two disagreed
 */
export async function settle(
  prober: Prober,
  configuration: Configuration,
  failure: Failure,
  lead: 1 | 2 = 2,
): Promise<Verdict> {
  for (let count = 2; ; count++) {
    const answers = await prober.ask(configuration, count)
    const verdicts = answers.map((answer) => judge(answer, failure))
    const votes = (verdict: Verdict) => verdicts.filter((one) => one === verdict).length
    const [best, next] = verdictsByVotes(votes)
    const ahead = votes(best) - votes(next)
    if (ahead >= 2 || (ahead >= 1 && (lead === 1 || answers.length >= mostVotes))) return best
    if (answers.length >= mostVotes) return 'other'
  }
}

function verdictsByVotes(votes: (verdict: Verdict) => number): readonly [Verdict, Verdict] {
  const [best = 'other', next = 'other'] = (['pass', 'same', 'other'] as const).toSorted((a, b) => votes(b) - votes(a))
  return [best, next]
}
