/** Finds where an ordinal constraint turns from failing to passing, as an interval. */
import { amountOf } from '../model/constraint.ts'
import { type Configuration, type FoundCause, keeping } from './probe.ts'
import { BudgetError, type Prober } from './prober.ts'

export interface Threshold {
  readonly key: string
  readonly failsAt: number
  readonly passesAt: number
  /** False where the budget ended, or a value could not be observed, before both ends were near and confirmed. */
  readonly complete: boolean
}

/** At one value it could not be seen whether the cell passes. */
class UnseenError extends Error {}

/** The interval's end may be so much more than its beginning. */
const narrow = 1.2
const mostDoublings = 10
/** Where failing takes its time, so that the search comes from above. */
const ceilings: Readonly<Record<string, number>> = { cpus: 1, stop_grace_period: 30_000 }
/** How often an end that does not hold is looked for again. */
const attempts = 3
/** Where a search upwards starts at the least, and how values are rounded. */
const steps: Readonly<Record<string, number>> = {
  mem_limit: 1024 ** 2,
  shm_size: 64 * 1024,
  tmpfs: 64 * 1024,
  cpus: 0.01,
  // Engines take whole seconds.
  stop_grace_period: 1000,
}

/**
 * Null where no constraint of the cause has a number, or where no number passes.
 * @param values the environment's numbers
 * @param rest everything that is in force beside it, the other causes lifted
 */
export async function findThreshold(
  prober: Prober,
  options: {
    readonly cause: FoundCause
    readonly rest: readonly string[]
    readonly values: Readonly<Record<string, number>>
    readonly say: (text: string) => void
  },
): Promise<Threshold | null> {
  const { cause, rest, say, values } = options
  const ordinal = cause.constraints.filter((atom) => values[atom] !== undefined)
  const [key] = ordinal
  const start = key === undefined ? undefined : values[key]
  if (key === undefined || start === undefined || ordinal.length > 1) return null
  const step = steps[key.replace(/:.*$/, '')] ?? 1
  const at = (value: number): Configuration => keeping(rest, { [key]: value })
  const passes = async (value: number) => {
    const [answer] = await prober.ask(at(value))
    if (answer === undefined || answer.outcome === 'unresolved') throw new UnseenError()
    return answer.outcome === 'pass'
  }

  let failsAt = start
  let passesAt: number | null = null
  try {
    const ceiling = ceilings[key]
    if (ceiling !== undefined && ceiling > start) {
      say(`tries ${key} at ${amountOf(key, ceiling)}`)
      if (!(await passes(ceiling))) return null
      passesAt = ceiling
    }
    for (let doubling = 0; doubling < mostDoublings && passesAt === null; doubling++) {
      const value = rounded(failsAt * 2, step)
      say(`tries ${key} at ${amountOf(key, value)}`)
      if (await passes(value)) passesAt = value
      else failsAt = value
    }
    if (passesAt === null) return null
    for (let attempt = 0; attempt < attempts; attempt++) {
      while (passesAt / failsAt > narrow && passesAt - failsAt > step * 1.5) {
        const value: number = between(failsAt, passesAt, step)
        say(`tries ${key} at ${amountOf(key, value)}`)
        if (await passes(value)) passesAt = value
        else failsAt = value
      }
      const [below, above] = await Promise.all([prober.ask(at(failsAt), 2), prober.ask(at(passesAt), 2)])
      if ([...below, ...above].some(({ outcome }) => outcome === 'unresolved')) throw new UnseenError()
      const sure = below.every(({ outcome }) => outcome === 'fail') && above.every(({ outcome }) => outcome === 'pass')
      if (sure) return { key, failsAt, passesAt, complete: true }
      // One of the ends does not hold: from there on outwards.
      if (above.some(({ outcome }) => outcome !== 'pass')) passesAt = rounded(passesAt * 2, step)
      if (below.some(({ outcome }) => outcome === 'pass')) failsAt = start
      if (!(await passes(passesAt))) return null
    }
    return null
  } catch (error) {
    if (!(error instanceof BudgetError || error instanceof UnseenError)) throw error
    return passesAt === null ? null : { key, failsAt, passesAt, complete: false }
  }
}

function between(low: number, high: number, step: number): number {
  const value = rounded(Math.sqrt(low * high), step)
  return value <= low ? low + step : value >= high ? high - step : value
}

const rounded = (value: number, step: number): number => {
  const whole = Math.max(step, Math.round(value / step) * step)
  return step < 1 ? Number(whole.toFixed(3)) : whole
}
