import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineSplitter } from '../../../src/engines/docker-api/log-lines.ts'
import type { LogLine } from '../../../src/engines/engine.ts'

function split(text: string, at: readonly number[] = []) {
  const lines: LogLine[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  const bytes = Buffer.from(text)
  const cuts = [0, ...at.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [index, end] of cuts.slice(1).entries()) splitter.push('stdout', bytes.subarray(cuts[index], end))
  splitter.end()
  return { lines, cutBytes: splitter.cutBytes }
}

const time = '2026-01-31T12:00:00.000000000Z'
const kept = 16 * 1024

test('a line says how much of its end was not kept, and the next one is whole', () => {
  const { lines, cutBytes } = split(`${time} ${'a'.repeat(3 * kept)}b\n${time} next\r\n`)
  expect(lines).toEqual([
    { at: time, stream: 'stdout', text: 'a'.repeat(kept), cutChars: 2 * kept + 1 },
    { at: time, stream: 'stdout', text: 'next' },
  ])
  expect(cutBytes).toBe(2 * kept + 1)
})

test('however the stream is cut, the lines are the same', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r') })
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.constant('x'.repeat(kept)))), fc.array(fc.nat()), (words, at) => {
      const text = words.map((each) => `${time} ${each}\n`).join('')
      expect(split(text, at)).toEqual(split(text))
    }),
  )
})
