/** A cell that trouble kept from an answer is tried again: a moment later the trouble may be over. */
import type { CellFinished, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { TroubleRecord } from '../model/run-record.ts'

/** Before the second try and before the third, which is the last. */
export const pausesMs = [1_000, 4_000] as const

/** Hears the events of one try of a cell. */
export class Try {
  #judged = true
  /** What was seen is the product's, whatever became of its engine then. */
  #isWrong = false

  take(event: RunEventBody): void {
    if (event.type !== 'cell-check') return
    const { actual, outcome, reason } = event.check
    // What was seen and could not be judged would be seen alike again.
    if (outcome === 'error') this.#judged &&= actual === null
    // A reply that came. A connection may have broken with the engine.
    this.#isWrong ||= outcome === 'fail' && reason === 'mismatch'
  }

  /** Its end was told by the kernel. An end that nobody explains may be the engine's doing, which ends what it runs as it goes. */
  witness(): void {
    this.#isWrong = true
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

/** With what was seen of the workload before it: the next try may not see it again. */
export function troubleOf({ stage, reason, message, durationMs, failures, evidence }: CellFinished): TroubleRecord {
  const seen = (failures ?? []).filter(({ kind }) => kind === 'fail')
  return { stage, reason, message, durationMs, ...(seen.length > 0 ? { failures: seen, evidence } : {}) }
}

/** Says of all evidence which try it is of. */
export function evidenceOf(tried: number, { evidence }: { readonly evidence: EvidenceSink }): EvidenceSink {
  return tried === 0 ? evidence : { put: (blob) => evidence.put({ ...blob, attempt: tried }) }
}
