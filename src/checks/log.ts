/** What a `log` check asserts of a workload's log. */
import type { LogProbe } from '../model/check.ts'
import type { LogObservation } from '../model/observation.ts'
import type { Cut } from './matcher.ts'
import type { Assertion } from './verdict.ts'

export function logAssertions(probe: LogProbe, seen: LogObservation): readonly Assertion[] {
  const { lines } = probe.expect
  return lines === undefined ? [] : [{ name: 'lines', matcher: lines, value: seen.lines, cut: cutOf(seen) }]
}

function cutOf({ earlierCut, cutLines }: LogObservation): Cut | undefined {
  if (!earlierCut && cutLines.length === 0) return undefined
  const what = [
    ...(earlierCut ? ['only the latest lines were kept'] : []),
    ...(cutLines.length > 0 ? [`the ends of ${cutLines.length} long lines were cut`] : []),
  ].join(', ')
  return { what, missing: earlierCut, ends: new Set(cutLines) }
}
