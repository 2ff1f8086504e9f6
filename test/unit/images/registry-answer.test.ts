/** What is made of what a registry says, or what is none. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { expect, test } from 'vitest'
import { registryAnswer } from '../../../src/images/registry-answer.ts'

const options = { authorities: [], signal: new AbortController().signal, withinMs: 60_000 }

async function answerOf(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await registryAnswer(`127.0.0.1:${(server.address() as AddressInfo).port}`, options)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test.each([
  { status: 200, said: { kind: 'answers', asksForLogin: false } },
  { status: 401, said: { kind: 'answers', asksForLogin: true } },
  { status: 404, said: { kind: 'silent', why: 'it answers with status 404, as no registry does' } },
])('one on this machine that speaks without TLS and says $status', async ({ status, said }) => {
  const asked: (string | undefined)[] = []
  const answer = await answerOf((request, response) => {
    asked.push(request.url)
    response.writeHead(status).end()
  })
  expect(answer).toEqual(said)
  expect(asked).toEqual(['/v2/'])
})

test('where nobody listens that is told', async () => {
  expect(await registryAnswer('127.0.0.1:9', options)).toEqual({
    kind: 'silent',
    why: expect.stringContaining('ECONNREFUSED'),
  })
})

test('one that takes a connection and says nothing is not waited for', async () => {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const taken = once(server, 'connection')
  expect(await registryAnswer(`127.0.0.1:${port}`, { ...options, withinMs: 200 })).toMatchObject({ kind: 'silent' })
  const [socket] = await taken
  socket.destroy()
  server.close()
})
