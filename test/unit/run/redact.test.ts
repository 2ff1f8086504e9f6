/** No secret reaches a record, whatever it looks like. */
import { describe, expect, test } from 'vitest'
import { oneLine } from '../../../src/lib/printable.ts'
import { redact, redactJson } from '../../../src/run/redact.ts'

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

  test.each([
    ['with a quote', 'pl"um7'],
    ['with a backslash', 'pl\\um7'],
    ['with a tab', 'pl\tum7'],
    ['with a control character', 'pl\u0007um7'],
    ['with an equals sign and a plus', 'pl+um=7'],
  ])('%s is hidden in a message that quotes it, tells it on one line or holds it in an address', (_, secret) => {
    const quoted = oneLine(`expected "nothing", found ${JSON.stringify(secret)}`)
    expect(redact(quoted, [secret])).toBe('expected "nothing", found "[secret]"')
    expect(redact(oneLine(`said ${secret} at last`), [secret])).toBe('said [secret] at last')
    expect(redact(`/login?as=${encodeURIComponent(secret)}`, [secret])).toBe('/login?as=[secret]')
  })

  test('of several lines is hidden line by line, but for what any text holds', () => {
    const secret = '{\n  "key": "plum",\n}\n'
    expect(redact('| {', [secret])).toBe('| {')
    expect(redact('|   "key": "plum",', [secret])).toBe('|   [secret]')
    expect(redact(JSON.stringify(secret), [secret])).toBe('"[secret]"')
  })

  test('with a line end after it is hidden without that', () => {
    expect(redact('it is pl7.', ['pl7\n'])).toBe('it is [secret].')
  })

  test('of which a message that is cut holds the beginning is hidden', () => {
    expect(redact('found "plum-ca…', ['plum-cake'])).toBe('found "[secret]…')
    expect(redact('found "xplu…', ['plum-cake'])).toBe('found "xplu…')
  })

  test('is taken out once, whatever stands in its place', () => {
    expect(redact(redact('a secret e', ['e', 'sec']), ['e', 'sec'])).toBe('a [secret]r[secret]t [secret]')
  })
})
