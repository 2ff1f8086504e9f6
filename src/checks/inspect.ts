/** What an `inspect` check asserts of the engine's own record. */
import type { InspectProbe } from '../model/check.ts'
import type { InspectObservation } from '../model/observation.ts'
import type { Assertion } from './verdict.ts'

export function inspectAssertions(probe: InspectProbe, seen: InspectObservation): readonly Assertion[] {
  const { value } = probe.expect
  return value === undefined ? [] : [{ name: probe.path, matcher: value, value: seen.value }]
}
