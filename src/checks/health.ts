/** What a `health` check asserts of the engine's health state. */
import type { HealthProbe } from '../model/check.ts'
import type { HealthObservation } from '../model/observation.ts'
import type { Assertion } from './verdict.ts'

export function healthAssertions(probe: HealthProbe, seen: HealthObservation): readonly Assertion[] {
  return [{ name: 'status', matcher: probe.expect.status, value: seen.status ?? undefined }]
}
