/** Whether packages can be had is asked as a bootstrap would ask for them, and does not take long. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { mirrorSilence, packageSources, sourcesIn } from '../../../src/images/package-mirror.ts'

const { signal } = new AbortController()
const source = { mirror: 'http://mirror.invalid/debian', release: 'http://mirror.invalid/debian/dists/x/InRelease' }

/** A proxy through which everything is reached, and what it was asked for. */
async function proxy(answer: RequestListener) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { env: { http_proxy: `http://user:secret@127.0.0.1:${port}` }, asked, [Symbol.asyncDispose]: close }
}

test('are not known where there is no mmdebstrap', async () => {
  expect(await packageSources('bookworm', { env: { PATH: '/nowhere' }, signal })).toEqual([])
})

test('are read with and without options', () => {
  const text =
    'deb [signed-by="/k.gpg"] http://mirror.invalid/debian/ x main\n# a remark\ndeb http://mirror.invalid/debian x main\n'
  expect(sourcesIn(text).map(({ release }) => release)).toEqual([source.release, source.release])
})

test('one that answers, through the proxy that packages come by', async () => {
  await using through = await proxy(({ headers }, response) => {
    response.statusCode = headers['proxy-authorization'] === 'Basic dXNlcjpzZWNyZXQ=' ? 200 : 407
    response.end()
  })
  expect(await mirrorSilence(source, { env: through.env, signal, withinMs: 10_000 })).toBeNull()
  expect(through.asked).toEqual([`HEAD ${source.release}`])
})

test('one that refuses says how', async () => {
  await using through = await proxy((_, response) => void response.writeHead(403).end())
  expect(await mirrorSilence(source, { env: through.env, signal, withinMs: 10_000 })).toBe('it answers with status 403')
})

test('one that says nothing has its time', async () => {
  await using through = await proxy(() => {})
  expect(await mirrorSilence(source, { env: through.env, signal, withinMs: 50 })).toBe('no answer within 50 ms')
})

test('one that is not reached, without the password of the proxy', async () => {
  const env = { http_proxy: 'http://user:secret@127.0.0.1:9' }
  expect(await mirrorSilence(source, { env, signal, withinMs: 10_000 })).toBe('connect ECONNREFUSED 127.0.0.1:9')
  expect(await mirrorSilence(source, { env: { http_proxy: 'secret' }, signal, withinMs: 10_000 })).toBe(
    'http_proxy is no URL',
  )
})

test('who stops asking hears why', async () => {
  await using through = await proxy(() => {})
  const ending = AbortSignal.abort(new Error('over'))
  await expect(mirrorSilence(source, { env: through.env, signal: ending, withinMs: 10_000 })).rejects.toThrow('over')
})
