/** What is believed of the cause of a failure, from what was seen so far, and which question tells most next. */

/** A set of items as bits. */
type Mask = number

interface Hypothesis {
  /** It fails with all items of one of these in force. */
  readonly terms: readonly Mask[]
  weight: number
}

export interface BeliefOptions {
  /** How much more likely than the others an item is in the cause; 1 where nothing speaks for it. */
  readonly weights: readonly number[]
}

/** More would make the hypotheses too many to weigh. */
export const mostItems = 24
/** How often an answer is expected to mislead. */
const doubt = 0.03
/** How likely a cause of one, two or three items is. Field failures: Kuhn, Wallace and Gallo 2004. */
const sizes = [0.7, 0.22, 0.08] as const
/** How likely a second cause that fails in the same way is. */
const second = 0.05

export class Belief {
  readonly #count: number
  readonly #hypotheses: readonly Hypothesis[]
  readonly #asked = new Set<Mask>()
  readonly #random = sequence()

  /** @param count items, at most `mostItems` */
  constructor(count: number, { weights }: BeliefOptions) {
    this.#count = count
    this.#hypotheses = hypothesesOf(count, weights)
  }

  /** @param failed whether it failed as the cell did, with just these items in force */
  learn(items: readonly number[], failed: boolean): void {
    const set = maskOf(items)
    this.#asked.add(set)
    let total = 0
    for (const hypothesis of this.#hypotheses) {
      hypothesis.weight *= fails(hypothesis, set) === failed ? 1 - doubt : doubt
      total += hypothesis.weight
    }
    for (const hypothesis of this.#hypotheses) hypothesis.weight /= total
  }

  /** The likeliest set, and how likely it is that it is a cause. */
  best(): { readonly items: readonly number[]; readonly share: number } {
    const shares = new Map<Mask, number>()
    for (const { terms, weight } of this.#hypotheses) {
      for (const term of terms) shares.set(term, (shares.get(term) ?? 0) + weight)
    }
    let [best, share]: readonly [Mask, number] = [0, 0]
    for (const [term, weight] of shares) if (weight > share) [best, share] = [term, weight]
    return { items: this.#itemsOf(best), share }
  }

  /** How likely each item is in a cause. */
  shares(): readonly number[] {
    const shares = Array.from({ length: this.#count }, () => 0)
    for (const { terms, weight } of this.#hypotheses) {
      const any = terms.reduce((all, term) => all | term, 0)
      for (const item of this.#itemsOf(any)) shares[item] = (shares[item] ?? 0) + weight
    }
    return shares
  }

  /** The two questions that together tell most; fewer where there is none that was not put before. */
  questions(): readonly (readonly number[])[] {
    const candidates = this.#candidates().filter((set) => !this.#asked.has(set))
    const first = this.#mostTelling(candidates, null)
    if (first === null) return []
    const next = this.#mostTelling(
      candidates.filter((set) => set !== first),
      first,
    )
    return [first, ...(next === null ? [] : [next])].map((set) => this.#itemsOf(set))
  }

  #mostTelling(candidates: readonly Mask[], beside: Mask | null): Mask | null {
    let best: Mask | null = null
    let most = 1e-9
    for (const set of candidates) {
      const gain = this.#information(set, beside)
      // Those that come first also verify, so that others have to tell clearly more.
      if (gain > most * (best === null ? 1 : 1.15)) [best, most] = [set, gain]
    }
    return best
  }

  /** Bits that the outcomes of these questions would carry. */
  #information(set: Mask, beside: Mask | null): number {
    let [none, one, other, both] = [0, 0, 0, 0]
    for (const hypothesis of this.#hypotheses) {
      const a = fails(hypothesis, set)
      const b = beside !== null && fails(hypothesis, beside)
      if (a && b) both += hypothesis.weight
      else if (a) one += hypothesis.weight
      else if (b) other += hypothesis.weight
      else none += hypothesis.weight
    }
    return [none, one, other, both].reduce((sum, share) => (share > 0 ? sum - share * Math.log2(share) : sum), 0)
  }

  /** The likeliest sets alone, everything but them, parts in the order of suspicion, and sets at random. */
  #candidates(): readonly Mask[] {
    const all = 2 ** this.#count - 1
    const likely = this.#hypotheses.toSorted((a, b) => b.weight - a.weight).slice(0, 4)
    const sets = likely.flatMap(({ terms }) =>
      terms.flatMap((term) => [term, all & ~term, ...this.#itemsOf(term).map((item) => all & ~(1 << item))]),
    )
    const shares = this.shares()
    const order = shares.map((_, item) => item).toSorted((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0))
    for (let size = 1; size < this.#count; size++) {
      sets.push(maskOf(order.slice(0, size)), maskOf(order.slice(size)))
    }
    for (const chance of [0.3, 0.5, 0.7, 0.85]) {
      for (let index = 0; index < 16; index++) sets.push(maskOf(order.filter(() => this.#random() < chance)))
    }
    return [...new Set(sets)].filter((set) => set !== 0 && set !== all)
  }

  #itemsOf(mask: Mask): readonly number[] {
    return Array.from({ length: this.#count }, (_, item) => item).filter((item) => (mask & (1 << item)) !== 0)
  }
}

function hypothesesOf(count: number, weights: readonly number[]): readonly Hypothesis[] {
  const singles = Array.from({ length: count }, (_, item): readonly number[] => [item])
  const grow = (sets: readonly (readonly number[])[]) =>
    sets.flatMap((set) =>
      Array.from({ length: count }, (_, item) => item)
        .filter((item) => item > (set.at(-1) ?? -1))
        .map((item) => [...set, item]),
    )
  const pairs = grow(singles)
  const bySize = [singles, pairs, grow(pairs)]
  const weigh = (items: readonly number[]) => items.reduce((product, item) => product * (weights[item] ?? 1), 1)
  const hypotheses: Hypothesis[] = []
  const add = (share: number, sets: readonly { readonly terms: readonly Mask[]; readonly raw: number }[]) => {
    const total = sets.reduce((sum, { raw }) => sum + raw, 0)
    for (const { terms, raw } of sets) hypotheses.push({ terms, weight: (share * raw) / total })
  }
  for (const [index, sets] of bySize.entries()) {
    const term = (items: readonly number[]) => ({ terms: [maskOf(items)], raw: weigh(items) })
    if (sets.length > 0) add((sizes[index] ?? 0) * (1 - second), sets.map(term))
  }
  const either = (items: readonly number[]) => ({ terms: items.map((item) => 1 << item), raw: weigh(items) })
  if (pairs.length > 0) add(second, pairs.map(either))
  return hypotheses
}

const fails = ({ terms }: Hypothesis, set: Mask): boolean => terms.some((term) => (term & set) === term)

const maskOf = (items: readonly number[]): Mask => items.reduce((mask, item) => mask | (1 << item), 0)

/** Always the same, so that a search can be had again (mulberry32). */
function sequence(): () => number {
  let state = 1
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
