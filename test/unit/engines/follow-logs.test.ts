/** How a log is followed, seen by a server that misses the end of a container as Podman may. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { connectDocker } from '../../../src/engines/docker-api/connect.ts'

const frame = (text: string) => {
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}
const at = (second: number) => `2026-01-01T00:00:0${second}.000000000Z`

test('a log whose stream misses the end of its container is read to its end, each line once', async () => {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine')
    if (pathname.endsWith('/wait')) {
      response.setHeader('content-type', 'application/json').end('{"StatusCode":0}')
      return
    }
    const whole = [`${at(1)} one\n`, `${at(2)} two\n`, `${at(3)} three\n`]
    if (searchParams.get('follow') === 'false') return void response.end(Buffer.concat(whole.map(frame)))
    response.write(frame(`${at(1)} one\n`))
    response.write(frame(`${at(2)} tw`))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const engine = connectDocker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const lines: string[] = []
  for await (const { text } of await engine.containers.followLogs('x', { signal: AbortSignal.timeout(60_000) })) {
    lines.push(text)
  }
  server.closeAllConnections()
  server.close()
  expect(lines).toEqual(['one', 'two', 'three'])
})
