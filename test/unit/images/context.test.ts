/** That a build whose files cannot be read ends. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connectDocker } from '../../../src/engines/docker-api/connect.ts'
import { packContext } from '../../../src/images/context.ts'
import { hostCaPath } from '../../../src/images/dockerfile.ts'
import { project } from '../../support/project.ts'

test('a build whose files cannot be read ends, and says why', async () => {
  using folder = project({ Dockerfile: `FROM scratch\nCOPY ${hostCaPath} /ca\n` })
  const server = createServer((request) => void request.resume()).listen(0, '127.0.0.1')
  // The builder's way back to who asked for the build, which comes before the build itself.
  const session = new Promise<Duplex>((resolve) => server.once('upgrade', (_, socket) => resolve(socket)))
  void session.then((socket) => socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'))
  await once(server, 'listening')
  const engine = connectDocker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const hostCa = `${folder.root}/there-is-none`
  const { tar } = await packContext(folder.root, { dockerfile: 'Dockerfile', hostCa })
  // As where a base image is made first: nobody reads the context yet.
  await setImmediate()
  const spec = { context: tar, dockerfile: 'Dockerfile', args: {}, tag: 'x:y', labels: {} }
  await expect(engine.images.build(spec, { signal: AbortSignal.timeout(60_000) })).rejects.toMatchObject({
    code: 'rejected',
    message: expect.stringContaining(hostCa),
  })
  ;(await session).destroy()
  server.closeAllConnections()
  server.close()
})

test('a file whose name is no text is named, but for one that is left out', async () => {
  using folder = project({ Dockerfile: 'FROM scratch\n', 'old/a': '' })
  const strange = Buffer.concat([Buffer.from(`${folder.root}/old/caf`), Buffer.from([0xe9]), Buffer.from('.txt')])
  writeFileSync(strange, 'x')
  const packed = async () => {
    const { tar } = await packContext(folder.root, { dockerfile: 'Dockerfile', hostCa: null })
    return await text(tar)
  }
  await expect(packed()).rejects.toThrow(
    /^the name of old\/caf\ufffd\.txt is no UTF-8, so it cannot be packed; rename it/,
  )
  writeFileSync(`${folder.root}/.dockerignore`, 'old\n')
  expect(await packed()).toContain('Dockerfile')
})
