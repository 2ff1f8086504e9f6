/** Where evidence goes while a run is on. */
import type { EvidenceRef } from './run-record.ts'

export interface EvidenceSink {
  /** Stores a blob by its content. Never rejects for its size: what is over the limit is cut, and the cut is counted. */
  put(blob: {
    readonly name: string
    readonly mediaType: string
    readonly content: string | Uint8Array
    readonly cell?: string
    /** Which try of the cell, the first where it is absent: what one kept does not take the room of the next. */
    readonly attempt?: number
    /** Of something that went as it should: it takes at most half of the places, so that room is left for what did not. */
    readonly routine?: boolean
  }): Promise<EvidenceRef>
}
