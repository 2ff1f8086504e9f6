import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { match } from '../../../src/checks/matcher.ts'
import type { Json, Matcher } from '../../../src/model/check.ts'

const outcome = async (matcher: Matcher, value: Json | undefined) => (await match(matcher, value)).outcome

describe('a matcher', () => {
  test.each<readonly [Matcher, Json | undefined, 'pass' | 'fail']>([
    ['a', 'a', 'pass'],
    ['1', 1, 'fail'],
    [1, '1', 'fail'],
    [null, null, 'pass'],
    [null, undefined, 'fail'],
    [true, 'true', 'fail'],
    [{ equals: { a: [1] } }, { a: [1] }, 'pass'],
    [{ equals: { a: [1] } }, { a: [1, 2] }, 'fail'],
    [{ contains: 'b' }, 'abc', 'pass'],
    [{ contains: 'b' }, ['abc'], 'pass'],
    [{ contains: 2 }, [1, 2], 'pass'],
    [{ contains: 'z' }, ['abc'], 'fail'],
    [{ starts_with: 'a', ends_with: 'c' }, 'abc', 'pass'],
    [{ starts_with: 'a', ends_with: 'x' }, 'abc', 'fail'],
    [{ matches: '^b' }, 'a\nb', 'pass'],
    [{ matches: '^b$' }, ['a', 'b'], 'pass'],
    [{ matches: 'z' }, 'abc', 'fail'],
    [{ matches: '^15' }, [{ id: 1, version: '15.2' }], 'pass'],
    [{ matches: '^16' }, [{ id: 1, version: '15.2' }], 'fail'],
    [{ each: { matches: '^15' } }, ['15.2', { version: '15.2' }], 'fail'],
    [{ one_of: [1, 2] }, 2, 'pass'],
    [{ one_of: [1, 2] }, 3, 'fail'],
    [{ exists: true }, null, 'pass'],
    [{ exists: true }, undefined, 'fail'],
    [{ exists: false }, undefined, 'pass'],
    [{ length: 2 }, [1, 2], 'pass'],
    [{ length: { gt: 2 } }, 'ab', 'fail'],
    [{ gt: 1, lt: 3 }, 2, 'pass'],
    [{ gte: 2, lte: 2 }, 2, 'pass'],
    [{ gt: 1 }, '2', 'fail'],
    [{ not: { contains: 'a' } }, 'b', 'pass'],
    [{ not: 'b' }, 'b', 'fail'],
    [{ any_of: ['a', { gt: 1 }] }, 2, 'pass'],
    [{ any_of: ['a', 'b'] }, 'c', 'fail'],
    [{ each: { gt: 0 } }, [1, 2], 'pass'],
    [{ each: { gt: 0 } }, [1, 0], 'fail'],
    [{ each: { gt: 0 } }, [], 'fail'],
  ])('%j of %j: %s', async (matcher, value, expected) => {
    expect(await outcome(matcher, value)).toBe(expected)
  })

  test('that cannot be evaluated in time is an error, not a failure', async () => {
    expect(await outcome({ matches: '^(a+)+$' }, `${'a'.repeat(40)}!`)).toBe('error')
  })

  test('of a value holds for it, and its negation does not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        expect(await outcome({ equals: value as Json }, value as Json)).toBe('pass')
        expect(await outcome({ not: { equals: value as Json } }, value as Json)).toBe('fail')
      }),
    )
  })
})
