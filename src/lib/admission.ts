/** Lets work in while a budget of memory and a number of places last, by rank and then in the order of arrival. */
import { abortable } from './abort.ts'

export interface Claim {
  readonly bytes: number
  /** How many places it takes; 1 unless told. */
  readonly places?: number
  /** Must be the only one in. */
  readonly exclusive: boolean
  /** Of those that wait, the lowest goes first; 0 unless told. */
  readonly rank?: number
}

interface Waiting {
  readonly claim: Claim
  readonly enter: () => void
  abandoned: boolean
}

/** A claim larger than the whole budget, or than all places, is let in alone, so that nothing waits for ever. */
export class Admission {
  readonly #places: number
  readonly #budgetBytes: number
  readonly #coming = new Set<Claim>()
  readonly #inside = new Set<Claim>()
  readonly #held = new Set<Claim>()
  readonly #queue: Waiting[] = []

  constructor(options: { readonly places: number; readonly budgetBytes: number }) {
    this.#places = options.places
    this.#budgetBytes = options.budgetBytes
  }

  /** A claim that is not ready to enter counts as load from now on, until it enters or this is disposed of. */
  coming(claim: Claim): Disposable {
    this.#coming.add(claim)
    return { [Symbol.dispose]: () => void this.#coming.delete(claim) }
  }

  /**
   * Takes its places at once, from claims of several places and from exclusive ones: those wait until enough of what is held
   * is let go, and smaller ones pass them meanwhile.
   */
  hold(claim: Claim): Disposable {
    const held = { ...claim }
    this.#held.add(held)
    return {
      [Symbol.dispose]: () => {
        this.#held.delete(held)
        this.#admit()
      },
    }
  }

  /** Claims that are in, wait or come, as a share of the places: below 1 there may be room. */
  get load(): number {
    const waiting = this.#queue.filter(({ abandoned }) => !abandoned).map(({ claim }) => claim)
    return [...this.#coming, ...this.#inside, ...waiting].reduce((sum, one) => sum + placesOf(one), 0) / this.#places
  }

  /** Runs `work` once it is let in; rejects with the signal's reason if that comes first. */
  async run<T>(claim: Claim, options: { readonly signal: AbortSignal; readonly work: () => Promise<T> }): Promise<T> {
    let waiting: Waiting | undefined
    this.#coming.delete(claim)
    const entered = new Promise<void>((resolve) => {
      waiting = { claim, enter: resolve, abandoned: false }
      this.#queue.push(waiting)
    })
    this.#admit()
    try {
      await abortable(entered, options.signal)
    } catch (error) {
      if (waiting) waiting.abandoned = true
      this.#leave(claim)
      throw error
    }
    try {
      return await options.work()
    } finally {
      this.#leave(claim)
    }
  }

  #leave(claim: Claim): void {
    this.#inside.delete(claim)
    this.#admit()
  }

  // Kept synchronous, so that no two callers see the same free place.
  #admit(): void {
    const waiting = this.#queue
      .filter(({ abandoned }) => !abandoned)
      .toSorted((one, other) => rankOf(one.claim) - rankOf(other.claim))
    this.#queue.length = 0
    for (const [index, next] of waiting.entries()) {
      if (this.#fits(next.claim)) {
        this.#inside.add(next.claim)
        next.enter()
        continue
      }
      this.#queue.push(next)
      if (this.#held.size > 0) continue
      this.#queue.push(...waiting.slice(index + 1))
      break
    }
  }

  #fits(claim: Claim): boolean {
    const isLarge = claim.exclusive || placesOf(claim) > 1
    const beside = [...this.#inside, ...(isLarge ? this.#held : [])]
    if (beside.length === 0) return true
    if (claim.exclusive || beside.some(({ exclusive }) => exclusive)) return false
    const all = [claim, ...beside]
    const places = all.reduce((sum, one) => sum + placesOf(one), 0)
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0)
    return places <= this.#places && bytes <= this.#budgetBytes
  }
}

const placesOf = ({ places = 1 }: Claim): number => places
const rankOf = ({ rank = 0 }: Claim): number => rank
