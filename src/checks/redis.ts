/** What a `redis` check asserts of the replies. */
import type { RedisProbe } from '../model/check.ts'
import type { RedisObservation } from '../model/observation.ts'
import { listMatcher } from './sql.ts'
import type { Assertion } from './verdict.ts'

export function redisAssertions(probe: RedisProbe, seen: RedisObservation): readonly Assertion[] {
  const { replies } = probe.expect
  return replies === undefined ? [] : [{ name: 'replies', matcher: listMatcher(replies), value: seen.replies }]
}
