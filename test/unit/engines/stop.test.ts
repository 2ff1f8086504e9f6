/** How a container is stopped, seen by a server that answers as the engine does. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { connectDocker } from '../../../src/engines/docker-api/connect.ts'

/** A container that ends on the signal that is named, and never on another one. */
async function stopped(endsOn: string, graceMs: number): Promise<readonly string[]> {
  const asked: string[] = []
  const waiting: ServerResponse[] = []
  let ended = false
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine')
    const what = pathname.split('/').at(-1) ?? ''
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (what === 'json') return json({ State: { Running: !ended }, Config: {} })
    asked.push([what, ...searchParams.values()].join(' '))
    if (what === 'wait') {
      if (ended) json({ StatusCode: 0 })
      else waiting.push(response)
      return
    }
    if (what === 'stop' || searchParams.get('signal') === endsOn) {
      ended = true
      for (const one of waiting) one.setHeader('content-type', 'application/json').end('{"StatusCode":0}')
    }
    response.statusCode = 204
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const engine = connectDocker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await engine.containers.stop('x', { graceMs, signal: new AbortController().signal })
  server.close()
  return asked
}

test('a grace in whole seconds is the engine’s to grant', async () => {
  expect(await stopped('SIGTERM', 3000)).toEqual(['stop 3'])
})

test('a grace that the engine would round up is not rounded', async () => {
  expect(await stopped('SIGTERM', 60_500)).toEqual(['kill SIGTERM', 'wait not-running'])
  // Whether the first wait is heard before so short a grace is over is not certain.
  const kills = (await stopped('SIGKILL', 20)).filter((request) => request.startsWith('kill'))
  expect(kills).toEqual(['kill SIGTERM', 'kill SIGKILL'])
})
