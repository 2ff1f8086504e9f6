/** What comes of holding a declared constraint against what was seen. */
import type { Json } from '../../model/check.ts'
import type { Provenance } from '../../model/outcome.ts'

/** `agrees` null: it cannot be observed, and only the engine's word stands for it. */
export interface Comparison {
  readonly provenance: Provenance
  readonly observed: Json
  readonly agrees: boolean | null
}

export const seen = (observed: Json, agrees: boolean): Comparison => ({ provenance: 'enforced', observed, agrees })
export const asserted: Comparison = { provenance: 'asserted', observed: null, agrees: null }
