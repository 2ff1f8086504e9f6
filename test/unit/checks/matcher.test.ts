import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cut, match } from '../../../src/checks/matcher.ts'
import type { Json, Matcher } from '../../../src/model/check.ts'

const outcome = async (matcher: Matcher, value: Json | undefined, cut?: Cut) =>
  (await match(matcher, value, cut)).outcome

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

  test.each<readonly [Matcher, Json, 'pass' | 'fail' | 'error']>([
    [{ contains: 'b' }, 'abc', 'pass'],
    [{ contains: 'z' }, 'abc', 'error'],
    [{ not: { contains: 'b' } }, 'abc', 'fail'],
    [{ not: { contains: 'z' } }, 'abc', 'error'],
    [{ starts_with: 'ab' }, 'abc', 'pass'],
    [{ starts_with: 'b' }, 'abc', 'fail'],
    [{ starts_with: 'abcd' }, 'abc', 'error'],
    [{ ends_with: 'c' }, 'abc', 'error'],
    [{ matches: 'b' }, 'abc', 'pass'],
    [{ matches: 'z' }, 'abc', 'error'],
    [{ matches: '^c$' }, 'abc\nc', 'error'],
    [{ matches: '^abc$' }, 'abc\nc', 'pass'],
    [{ matches: '^(?!.*z)' }, 'abc', 'error'],
    ['abc', 'abc', 'error'],
    ['abd', 'abc', 'fail'],
    [{ one_of: ['x', 'abcd'] }, 'abc', 'error'],
    [{ one_of: ['x', 'y'] }, 'abc', 'fail'],
    [{ exists: true }, 'abc', 'pass'],
    [{ length: { gte: 3 } }, 'abc', 'pass'],
    [{ length: { gt: 3 } }, 'abc', 'error'],
    [{ length: { lt: 3 } }, 'abc', 'fail'],
    [{ length: { lte: 3 } }, 'abc', 'error'],
    [{ length: 2 }, 'abc', 'fail'],
    [{ length: 4 }, 'abc', 'error'],
    [{ any_of: [{ contains: 'z' }, { contains: 'b' }] }, 'abc', 'pass'],
    [{ contains: 'z', starts_with: 'x' }, 'abc', 'fail'],
    [{ contains: 'a' }, ['a', 'b'], 'pass'],
    [{ contains: 'z' }, ['a', 'b'], 'error'],
    [{ not: { contains: 'z' } }, ['a', 'b'], 'error'],
    [{ each: { one_of: ['a', 'b'] } }, ['a', 'b'], 'error'],
    [{ each: 'a' }, ['a', 'b'], 'fail'],
    [{ each: 'a' }, [], 'error'],
    [{ length: { lte: 2 } }, ['a', 'b'], 'error'],
    [{ length: { gte: 2 } }, ['a', 'b'], 'pass'],
    [{ equals: ['a'] }, ['a', 'b'], 'fail'],
    [{ equals: ['a', 'b', 'c'] }, ['a', 'b'], 'error'],
  ])('%j of %j, of which more was not seen: %s', async (matcher, value, expected) => {
    expect(await outcome(matcher, value, { what: 'a part was cut', missing: true })).toBe(expected)
  })

  test.each<readonly [Matcher, 'pass' | 'fail' | 'error']>([
    [{ contains: 'z' }, 'error'],
    [{ contains: 'a' }, 'pass'],
    [{ ends_with: 'c' }, 'pass'],
    [{ ends_with: 'b' }, 'error'],
    [{ length: 2 }, 'pass'],
    [{ each: { matches: '^.' } }, 'pass'],
    [{ each: { not: { contains: 'z' } } }, 'error'],
    [{ equals: ['ab', 'bc'] }, 'error'],
    [{ equals: ['ab'] }, 'fail'],
  ])('%j of a list whose first line was cut: %s', async (matcher, expected) => {
    expect(await outcome(matcher, ['ab', 'bc'], { what: 'a line was cut', missing: false, ends: new Set([0]) })).toBe(
      expected,
    )
  })

  test('that cannot be evaluated in time is an error, not a failure', async () => {
    expect(await outcome({ matches: '^(a+)+$' }, `${'a'.repeat(40)}!`)).toBe('error')
  })

  test('never tells of the beginning of a text what its whole denies', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 6 })
    const pattern = fc.constantFrom('a', '^a', 'a$', 'b\\b', '^$', 'a+b?$', '(?=b)', '(?!b)', '[^a]', '\\Ba')
    const matcher: fc.Arbitrary<Matcher> = fc.oneof(
      text,
      text.map((contains) => ({ contains })),
      text.map((starts_with) => ({ starts_with })),
      text.map((ends_with) => ({ ends_with })),
      pattern.map((matches) => ({ matches })),
      fc.nat(8).map((lte) => ({ length: { lte } })),
      fc.nat(8).map((gt) => ({ length: { gt } })),
      fc.nat(8).map((length) => ({ length })),
      fc.array(text, { maxLength: 3 }).map((one_of) => ({ one_of })),
    )
    await fc.assert(
      fc.asyncProperty(matcher, text, text, fc.boolean(), async (plain, head, tail, negated) => {
        const asked: Matcher = negated ? { not: plain } : plain
        const told = await outcome(asked, head, { what: 'its end was cut', missing: true })
        if (told !== 'error') expect(told).toBe(await outcome(asked, head + tail))
      }),
      { numRuns: 2000 },
    )
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
