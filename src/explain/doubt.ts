/** Whether what was heard is explained by the causes, or by a cell that passes and fails whatever is in force. */
import { type Configuration, type FoundCause, judge } from './probe.ts'
import type { Prober } from './prober.ts'

type Heard = ReturnType<Prober['all']>
interface Found {
  readonly causes: readonly FoundCause[]
  readonly background: readonly string[]
  /** Else it may fail for a cause that was not found. */
  readonly complete: boolean
}

interface Count {
  readonly configuration: Configuration
  readonly foreseen: 'pass' | 'fail'
  /** It may as well be the other one. */
  readonly isOpen: boolean
  readonly right: number
  readonly wrong: number
}

/** Configurations with an answer, or with most of their answers, that the causes do not explain. */
export function against(heard: Heard, found: Found, which: 'any' | 'most'): readonly Configuration[] {
  return counts(heard, found)
    .filter(({ right, wrong }) => (which === 'any' ? wrong > 0 : wrong > right))
    .map(({ configuration }) => configuration)
}

/** How often an answer misleads though the causes are right. */
const disturbed = 0.06
/** How much rarer than others a cell is that fails now and then, but only under its cause: natural logarithm. */
const rarely = 2
/** How much rarer a cause is with each constraint more, and one more cause: natural logarithms. */
const larger = 1
const another = 2

/** Natural logarithm of the odds with which one of the two is taken for right. */
export const sure = 4

/**
 * Natural logarithm of how much likelier it is that the cell fails at random, with a chance that nobody knows, than
 * that these causes are right. Of many sets that could be named one fits by luck, the more the more there are.
 * @param atoms how many there were to choose from
 */
export function oddsOfFlaky(heard: Heard, found: Found, atoms: number): number {
  const all = counts(heard, found)
  const total = (foreseen: Count['foreseen'], which: 'right' | 'wrong') =>
    all.filter((one) => one.foreseen === foreseen).reduce((sum, one) => sum + one[which], 0)
  const [fails, notFails] = [total('fail', 'right'), total('fail', 'wrong')]
  const [passes, notPasses] = [total('pass', 'right'), total('pass', 'wrong')]
  // Where the causes foresee nothing it is as likely to pass as to fail.
  const unforeseen = all.filter(({ isOpen }) => isOpen).length
  const caused =
    (fails + passes) * Math.log(1 - disturbed) + (notFails + notPasses) * Math.log(disturbed) - unforeseen * Math.log(2)
  const choices = found.causes.reduce(
    (sum, { constraints }, index) =>
      sum + logChoices(atoms, constraints.length) + larger * (constraints.length - 1) + (index > 0 ? another : 0),
    0,
  )
  const whatever = atRandom(fails + notPasses, passes + notFails) + choices
  const underCauses = atRandom(fails, notFails) + atRandom(passes, notPasses) - rarely
  return Math.max(whatever, underCauses) - caused
}

/** The mean over all chances: a!b!/(a+b+1)!. */
function atRandom(a: number, b: number): number {
  return -Math.log(a + b + 1) - logChoices(a + b, b)
}

function logChoices(from: number, count: number): number {
  let log = 0
  for (let index = 1; index <= count; index++) log += Math.log(from - count + index) - Math.log(index)
  return log
}

function counts(heard: Heard, { causes, background, complete }: Found): readonly Count[] {
  return heard
    .filter(({ configuration }) => background.every((atom) => configuration.kept.has(atom)))
    .map(({ configuration, answers }): Count => {
      const passed = answers.filter(({ outcome }) => outcome === 'pass').length
      const failed = answers.filter((answer) => causes.some(({ failure }) => judge(answer, failure) === 'same')).length
      const isCaused = causes.some(({ constraints }) => constraints.every((atom) => configuration.kept.has(atom)))
      if (isCaused) return { configuration, foreseen: 'fail', isOpen: false, right: failed, wrong: passed }
      if (complete) return { configuration, foreseen: 'pass', isOpen: false, right: passed, wrong: failed }
      // What is not known yet may make it fail there.
      const foreseen = failed > passed ? 'fail' : 'pass'
      return { configuration, foreseen, isOpen: true, right: Math.max(passed, failed), wrong: Math.min(passed, failed) }
    })
}
