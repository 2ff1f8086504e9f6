/** What an `exit` check asserts of a one-shot job. */
import type { ExitProbe } from '../model/check.ts'
import type { ExitObservation } from '../model/observation.ts'
import type { Assertion } from './verdict.ts'

/** A job that had not ended in time has no code, which no matcher but `exists: false` accepts. */
export function exitAssertions(probe: ExitProbe, seen: ExitObservation): readonly Assertion[] {
  return [{ name: 'code', matcher: probe.expect.code ?? 0, value: seen.code ?? undefined }]
}
