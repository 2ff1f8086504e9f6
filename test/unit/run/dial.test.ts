/** A connection that the relay never began to make says nothing of the workload. */
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { dial } from '../../../src/run/relay/dial.ts'
import type { Helper } from '../../../src/run/relay/helper.ts'

const { signal } = new AbortController()
const to = { pid: 1, address: '172.20.0.2', port: 8080, portName: 'http', signal }

/** What is read, and what it ends with, where the command says these things; its input fails where there is an error. */
async function dialled(said: readonly string[], error?: Error): Promise<{ read: string; ended: Error | null }> {
  const attached = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  for (const text of said) attached.push(text)
  const stream = await dial({ stream: async () => attached } as unknown as Helper, to)
  if (error === undefined) attached.push(null)
  else attached.destroy(error)
  let read = ''
  stream.on('data', (chunk: Buffer) => {
    read += chunk
  })
  await new Promise((resolve) => stream.once('end', resolve).once('close', resolve))
  return { read, ended: stream.errored }
}

test.each<readonly [string, readonly string[], string]>([
  ['of the workload is passed on without the mark', ['+', 'hello ', 'you'], 'hello you'],
  ['that comes with the mark is too', ['+hello'], 'hello'],
  ['that looks like the mark stays', ['++', '+'], '++'],
  ['may be nothing', ['+'], ''],
])('what %s', async (_, said, read) => {
  expect(await dialled(said)).toEqual({ read, ended: null })
})

test('a refusal is the workload’s', async () => {
  const refused = { message: 'nothing listens on 172.20.0.2:8080 (http)', reason: 'refused', relayFault: false }
  for (const said of [['+', "nc: can't connect: Connection refused\n"], ["+nc: can't connect: Connection refused\n"]]) {
    expect(await dialled(said)).toMatchObject({ read: '', ended: refused })
  }
})

test.each<readonly [string, Error | undefined]>([
  ['ended', undefined],
  ['broke', new Error('write EPIPE')],
])('where it %s before it began, nothing was observed', async (_, error) => {
  const message = 'the relay to 172.20.0.2:8080 (http) ended before it began'
  expect(await dialled([], error)).toMatchObject({
    read: '',
    ended: { message: error === undefined ? message : `${message}: write EPIPE`, relayFault: true },
  })
})
