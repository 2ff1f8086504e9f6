/** What would end a cause: changes to the environment, the smallest first, and asks of the stack. */
import { amountOf } from '../model/constraint.ts'
import type { RelaxationRecord } from '../model/run-record.ts'
import { type FoundCause, keeping } from './probe.ts'
import { BudgetError, type Prober } from './prober.ts'
import type { Threshold } from './threshold.ts'

/** @param rest everything that is in force beside the cause's own constraints, the other causes lifted */
export async function relaxationsOf(
  prober: Prober,
  options: { readonly cause: FoundCause; readonly rest: readonly string[]; readonly threshold: Threshold | null },
): Promise<readonly RelaxationRecord[]> {
  const { cause, rest, threshold } = options
  const relaxations: RelaxationRecord[] = []
  if (threshold !== null) {
    const { key, passesAt } = threshold
    relaxations.push({ change: `${key} of at least ${amountOf(key, passesAt)}`, constraints: [key], passes: true })
  }
  for (const atom of cause.constraints) {
    const passes = await passesWithout(
      prober,
      rest.filter((one) => one !== atom),
    )
    // Lifting one of several that are each needed is enough; one that does not help is no remedy.
    if (passes !== false) relaxations.push({ change: `lift ${atom}`, constraints: [atom], passes })
  }
  return relaxations
}

/** Null where the budget is spent before that was asked. */
async function passesWithout(prober: Prober, kept: readonly string[]): Promise<boolean | null> {
  try {
    const answers = await prober.ask(keeping(kept))
    const passed = answers.filter(({ outcome }) => outcome === 'pass').length
    return passed * 2 > answers.length
  } catch (error) {
    if (error instanceof BudgetError) return null
    throw error
  }
}
