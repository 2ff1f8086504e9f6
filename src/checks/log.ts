/** What a `log` check asserts of a workload's log. */
import type { LogProbe } from '../model/check.ts'
import type { LogObservation } from '../model/observation.ts'
import type { Assertion } from './verdict.ts'

export function logAssertions(probe: LogProbe, seen: LogObservation): readonly Assertion[] {
  const { lines } = probe.expect
  return lines === undefined ? [] : [{ name: 'lines', matcher: lines, value: seen.lines }]
}
