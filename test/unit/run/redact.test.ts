/** No secret reaches a record, whatever it looks like. */
import { describe, expect, test } from 'vitest'
import { redact, redactJson } from '../../../src/run/evidence.ts'

describe('a secret', () => {
  test.each([
    ['with a quote', 'pl"um'],
    ['with a backslash', 'pl\\um'],
    ['with a line end', 'pl\num'],
    ['that is a number', '5432'],
    ['that is a word of JSON', 'true'],
  ])('%s is not in a record, and the record can still be read', (_, secret) => {
    const hidden = redactJson({ said: `it is ${secret}.`, list: [secret, 7], port: 5432, yes: true }, [secret])
    expect(hidden).toEqual({ said: 'it is [secret].', list: ['[secret]', 7], port: 5432, yes: true })
  })

  test('that is the beginning of another does not uncover the rest of it', () => {
    expect(redact('plum plum-cake', ['plum', 'plum-cake'])).toBe('[secret] [secret]')
  })

  test('is hidden in the name of a member too', () => {
    expect(redactJson({ plum: 1 }, ['plum'])).toEqual({ '[secret]': 1 })
  })
})
