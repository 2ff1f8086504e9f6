/** How requests share connections. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { connectDocker } from '../../../src/engines/docker-api/connect.ts'
import { transportTo } from '../../../src/engines/docker-api/transport.ts'

test('no request is written to a connection that the engine may be closing', async () => {
  const connections = new Set<unknown>()
  let requests = 0
  const server = createServer((request, response) => {
    connections.add(request.socket)
    requests += 1
    response.setHeader('content-type', 'application/json').end('{"State":{"Running":false},"Config":{}}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const engine = connectDocker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  for (let n = 0; n < 3; n++) {
    await engine.containers.stop('x', { graceMs: 1000, signal: new AbortController().signal })
  }
  server.close()
  expect(requests).toBe(3)
  expect(connections.size).toBe(3)
})

test.each(['unix:///run/x.sock', 'tcp://127.0.0.1:2375', 'ssh://user@127.0.0.1'])(
  'what the client inspects for each request to %s does not grow with connections',
  (endpoint) => {
    const { agent } = transportTo(endpoint, {}).docker.modem as { readonly agent?: object }
    expect(agent).toBeDefined()
    expect(inspect(agent, { showHidden: true, depth: null }).length).toBeLessThan(100)
  },
)
