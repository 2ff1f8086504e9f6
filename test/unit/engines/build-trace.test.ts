/** What is told of a build while it runs. */
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { expect, test } from 'vitest'
import { BuildTrace, decodeTrace } from '../../../src/engines/docker-api/build-trace.ts'

type Step = 'announced' | 'started' | 'completed'

/** As BuildKit sends it: times are messages of their own. */
function message(steps: readonly (readonly [name: string, state: Step])[], log?: readonly [string, string]) {
  const writer = new BinaryWriter()
  for (const [name, state] of steps) {
    const vertex = new BinaryWriter().tag(1, 2).string(`sha256:${name}`).tag(3, 2).string(name)
    if (state !== 'announced') vertex.tag(5, 2).bytes(new BinaryWriter().tag(1, 0).int64(1).finish())
    if (state === 'completed') vertex.tag(6, 2).bytes(new BinaryWriter().tag(1, 0).int64(2).finish())
    writer.tag(1, 2).bytes(vertex.finish())
  }
  if (log) {
    const entry = new BinaryWriter().tag(1, 2).string(`sha256:${log[0]}`)
    entry.tag(4, 2).bytes(new TextEncoder().encode(log[1]))
    writer.tag(3, 2).bytes(entry.finish())
  }
  return decodeTrace(writer.finish())
}

test('progress names a step that runs, not one that is to come', () => {
  const told: string[] = []
  const trace = new BuildTrace((text) => told.push(text))
  trace.add(
    message([
      ['first', 'announced'],
      ['second', 'announced'],
      ['last', 'announced'],
    ]),
  )
  expect(told).toEqual([])
  trace.add(message([['first', 'started']]))
  trace.add(message([['second', 'started']], ['first', 'compiling\n']))
  // The other one runs still.
  trace.add(message([['second', 'completed']]))
  trace.add(message([['first', 'completed']]))
  trace.add(message([['last', 'started']], ['last', 'linking\n']))
  expect(told).toEqual(['first', 'second', 'first', 'last'])
  expect(trace.log).toBe('first\nsecond\ncompiling\nlast\nlinking\n')
})
