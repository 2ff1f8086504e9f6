/** What an engine says of a container that ends while it is asked. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { connectDocker } from '../../../src/engines/docker-api/connect.ts'

test('a container whose process ends while Podman looks at it is looked at again', async () => {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.setHeader('content-type', 'application/json')
    if (asked === 1) {
      response.statusCode = 500
      response.end('{"message":"read /proc/213/cgroup: no such process"}')
    } else
      response.end(
        '{"Id":"x","State":{"Status":"exited","ExitCode":5,"StartedAt":"0001-01-01T00:00:00Z","FinishedAt":"0001-01-01T00:00:00Z"},"Config":{},"HostConfig":{},"NetworkSettings":{}}',
      )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const engine = connectDocker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const state = await engine.containers.inspect('x', { signal: AbortSignal.timeout(60_000) })
  server.close()
  expect(state).toMatchObject({ status: 'exited', exitCode: 5 })
})
