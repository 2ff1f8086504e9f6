/** What a judge is told where a probe did not keep everything. */
import type { Cut } from './matcher.ts'

/** Of a text whose end was not kept; undefined where it is whole. */
export function cutText(bytes: number): Cut | undefined {
  return bytes > 0 ? { what: `its last ${bytes} bytes were cut`, missing: true } : undefined
}
