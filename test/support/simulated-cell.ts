/** A cell that exists only as a rule: which sets of atoms make it fail, and how. */
import type { Answer, Configuration, Subject } from '../../src/explain/probe.ts'

export interface Rule {
  /** Fails with all of these in force. */
  readonly atoms: readonly string[]
  readonly signature: string
}

export interface SimulatedCell extends Subject {
  /** How often it was run. */
  runs(): number
}

/** Small and seeded (mulberry32), so that a failing case can be had again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The first rule that holds decides how it fails, as an earlier stage hides a later one.
 * @param flip how often an answer is turned round
 */
export function simulatedCell(
  atoms: readonly string[],
  rules: readonly Rule[],
  options: {
    readonly flip?: number
    readonly random?: () => number
    /** Instead of the rules, where it has an opinion. */
    readonly answer?: (configuration: Configuration) => Answer | null
  } = {},
): SimulatedCell {
  let runs = 0
  const { flip = 0, random = () => 1 } = options
  const keyOf = ({ kept, values }: Configuration) =>
    JSON.stringify([atoms.filter((atom) => kept.has(atom)), Object.entries(values).sort()])
  return {
    atoms,
    keyOf,
    runs: () => runs,
    async run(configuration) {
      runs += 1
      const said = options.answer?.(configuration)
      if (said) return said
      const rule = rules.find((one) => one.atoms.every((atom) => configuration.kept.has(atom)))
      const flipped = random() < flip
      if (rule === undefined) return flipped ? failing(rules[0]?.signature ?? 's1:flipped') : passing
      return flipped ? passing : failing(rule.signature)
    },
  }
}

export const passing: Answer = {
  outcome: 'pass',
  stage: null,
  reason: null,
  message: null,
  signature: null,
  check: null,
  clues: '',
  durationMs: 1,
}
export const failing = (signature: string): Answer => ({
  outcome: 'fail',
  stage: 'ready',
  reason: 'exited',
  message: `it failed as ${signature}`,
  signature,
  check: null,
  clues: '',
  durationMs: 1,
})
