/** What a `file` check asserts of a file in the workload. */
import type { FileProbe } from '../model/check.ts'
import type { FileObservation } from '../model/observation.ts'
import { cutText } from './cut.ts'
import type { Assertion } from './verdict.ts'

export function fileAssertions(probe: FileProbe, seen: FileObservation): readonly Assertion[] {
  const { exists, mode, owner, content } = probe.expect
  return [
    { name: 'exists', matcher: exists, value: seen.exists },
    ...(mode === undefined ? [] : [{ name: 'mode', matcher: mode, value: seen.mode ?? undefined }]),
    ...(owner === undefined ? [] : [{ name: 'owner', matcher: owner, value: seen.owner ?? undefined }]),
    ...(content === undefined
      ? []
      : [{ name: 'content', matcher: content, value: seen.content ?? undefined, cut: cutText(seen.cutBytes) }]),
  ]
}
