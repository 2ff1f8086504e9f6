/** A cell that trouble kept from an answer is tried again: a moment later the trouble may be over. */
import type { CellFinished, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'

/** Before the second try and before the third, which is the last. */
export const pausesMs = [1_000, 4_000] as const

/** Hears the events of one try of a cell. */
export class Try {
  #judged = true
  #isWrong = false

  take(event: RunEventBody): void {
    if (event.type !== 'cell-check') return
    const { actual, outcome, reason } = event.check
    // What was seen and could not be judged would be seen alike again.
    if (outcome === 'error') this.#judged &&= actual === null
    // A reply that came is the product's, whatever became of its engine then. A connection may have broken with the engine.
    this.#isWrong ||= outcome === 'fail' && reason === 'mismatch'
  }

  /** Whether another engine of its pool may answer it instead. */
  mayMove({ reason }: CellFinished): boolean {
    return reason === 'not-delivered' || (reason === 'engine-lost' && !this.#isWrong)
  }

  /**
   * Whether the trouble may be over soon. Not where a machine of a cluster went away, its disk is full or a constraint
   * is not in force or cannot be seen to be: those are answers. A delivery and a host have tries of their own.
   */
  mayPass({ outcome, stage, reason }: CellFinished): boolean {
    if (outcome !== 'error' || this.#isWrong) return false
    return reason === 'engine-lost' || (reason === 'unobservable' && stage !== 'constraints' && this.#judged)
  }
}

/** What was seen of an earlier try does not take the room of this one's evidence. */
export function evidenceOf(tried: number, { evidence }: { readonly evidence: EvidenceSink }): EvidenceSink {
  if (tried === 0) return evidence
  return {
    put: ({ cell, ...blob }) => evidence.put({ ...blob, ...(cell === undefined ? {} : { cell: `${cell}, ${tried}` }) }),
  }
}
