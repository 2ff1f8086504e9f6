import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameParser } from '../../../src/engines/docker-api/frames.ts'
import { LineSplitter } from '../../../src/engines/docker-api/log-lines.ts'
import type { LogLine } from '../../../src/engines/engine.ts'

function split(text: string, at: readonly number[] = []) {
  const lines: LogLine[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  const bytes = Buffer.from(text)
  const cuts = [0, ...at.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [index, end] of cuts.slice(1).entries()) splitter.push('stdout', bytes.subarray(cuts[index], end), false)
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

const frame = (text: string, stream = 1): Buffer => {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

/** The lines of these frames, which arrive in pieces of `size` bytes. */
function linesOf(frames: readonly Buffer[], size: number): readonly LogLine[] {
  const lines: LogLine[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  const parser = new FrameParser((...piece) => splitter.push(...piece))
  const all = Buffer.concat(frames)
  for (let at = 0; at < all.length; at += size) parser.push(all.subarray(at, at + size))
  splitter.end()
  return lines
}

test.each([1, 7, 1000])(
  'a line that the engine kept in pieces is one line, with the time of its first (%i bytes at a time)',
  (size) => {
    const frames = [
      frame('2026-01-31T12:00:00.5Z {"corners": [4]}'),
      frame('2026-01-31T12:00:01Z a warning\n', 2),
      frame('2026-01-31T12:00:01Z \n'),
      frame('2026-01-31T12:00:02Z 2026-01-31T12:00:02Z is what it said\n'),
    ]
    expect(linesOf(frames, size)).toEqual([
      { at: '2026-01-31T12:00:01Z', stream: 'stderr', text: 'a warning' },
      { at: '2026-01-31T12:00:00.5Z', stream: 'stdout', text: '{"corners": [4]}' },
      { at: '2026-01-31T12:00:02Z', stream: 'stdout', text: '2026-01-31T12:00:02Z is what it said' },
    ])
  },
)
