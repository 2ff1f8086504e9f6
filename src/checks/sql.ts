/** What an `sql` check asserts of a query's result. */
import type { Json, Matcher, SqlProbe } from '../model/check.ts'
import type { SqlObservation } from '../model/observation.ts'
import type { Cut } from './matcher.ts'
import type { Assertion } from './verdict.ts'

/** A query that the server refused is judged by its SQLSTATE; without one expected, it is a mismatch. */
export function sqlAssertions(probe: SqlProbe, seen: SqlObservation): readonly Assertion[] {
  const { rows, row_count, sqlstate } = probe.expect
  if (seen.sqlstate !== null && sqlstate === undefined) {
    return [{ name: 'sqlstate', matcher: '00000', value: `${seen.sqlstate} ${seen.message ?? ''}`.trim() }]
  }
  return [
    ...(sqlstate === undefined ? [] : [{ name: 'sqlstate', matcher: sqlstate, value: seen.sqlstate ?? '00000' }]),
    ...(rows === undefined ? [] : [{ name: 'rows', matcher: listMatcher(rows), value: seen.rows, cut: cutOf(seen) }]),
    ...(row_count === undefined ? [] : [{ name: 'row_count', matcher: row_count, value: seen.rowCount }]),
  ]
}

function cutOf({ rows, cutRows }: SqlObservation): Cut | undefined {
  return cutRows > 0
    ? { what: `of ${rows.length + cutRows} rows the first ${rows.length} were kept`, missing: true }
    : undefined
}

/** A list that is written out is meant whole. */
export function listMatcher(expected: Matcher | readonly Json[]): Matcher {
  return Array.isArray(expected) ? { equals: expected } : (expected as Matcher)
}
