import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { endWithCommand } from '../../../src/engines/docker-api/exec-end.ts'
import { attachedDuplex } from '../../../src/engines/docker-api/frames.ts'
import { systemClock } from '../../../src/lib/clock.ts'

/** Of stdout. */
function frame(text: string): Buffer {
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(text.length, 4)
  return Buffer.concat([header, Buffer.from(text)])
}

test('the stream of a command that is over ends once nothing of it is under way any more', async () => {
  const socket = new PassThrough()
  const stream = attachedDuplex(socket)
  const pieces = [...'abcdef']
  // Each time that is waited for it a piece arrives, as over a slow way.
  const sleep = async () => {
    const piece = pieces.shift()
    if (piece !== undefined) socket.write(frame(piece))
    await setImmediate()
  }
  const exec = { inspect: async () => ({ Running: false }) } as never
  endWithCommand(stream, { exec, socket, clock: { ...systemClock, sleep } })
  let said = ''
  for await (const chunk of stream) said += String(chunk)
  expect(said).toBe('abcdef')
})
