/** A real image registry on this machine, which speaks TLS with a certificate of its own and may ask for a password. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Registry extends AsyncDisposable {
  /** `host:port`, the same for this machine and for containers on it. */
  readonly server: string
  /** File of the certificate that signs its own. */
  readonly authority: string
  /** Each request that it was asked, such as `PUT /v2/team/web/manifests/latest`, without what was refused. */
  readonly asked: readonly string[]
}

const run = promisify(execFile)

/**
 * @param address of this machine, where containers reach it
 * @param login `username:password`; without it everybody is let in
 * @throws where the registry's program is not installed
 */
export async function startRegistry(address: string, { login }: { readonly login?: string } = {}): Promise<Registry> {
  const program = '/usr/bin/docker-registry'
  if (!existsSync(program)) throw new Error('docker-registry is missing; run: apt-get install -y docker-registry')
  const folder = mkdtempSync(join(tmpdir(), 'matrix-registry-'))
  const file = (name: string) => join(folder, name)
  await makeCertificates(folder, address)
  const config = `version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: ${file('data')} } }
http: { net: unix, addr: ${file('socket')}, relativeurls: true, secret: none }
`
  writeFileSync(file('config.yml'), config)
  // A test that is killed ends nothing itself.
  const server = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'serve', file('config.yml')], { stdio: 'ignore' })
  while (!existsSync(file('socket'))) {
    if (server.exitCode !== null) throw new Error('docker-registry ended')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const asked: string[] = []
  const front = createServer(
    { key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) },
    (ask, reply) => {
      const known =
        login === undefined || ask.headers.authorization === `Basic ${Buffer.from(login).toString('base64')}`
      if (!known) {
        reply.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end()
        return
      }
      asked.push(`${ask.method} ${ask.url}`)
      passOn(ask, reply, file('socket'))
    },
  )
  front.listen(0, address)
  await once(front, 'listening')
  const name = `${address}:${(front.address() as AddressInfo).port}`
  return {
    server: name,
    authority: file('ca.pem'),
    asked,
    async [Symbol.asyncDispose]() {
      front.close()
      front.closeAllConnections()
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Makes this machine's own Docker trust a registry until it is disposed of. Needs root. */
export function trustHere({ server, authority }: Registry): Disposable {
  const folder = join('/etc/docker/certs.d', server)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'ca.crt'), readFileSync(authority))
  return { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

async function makeCertificates(folder: string, address: string): Promise<void> {
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=test CA', '-keyout', 'ca.key', '-out', 'ca.pem')
  await openssl('req', ...key, '-subj', '/CN=registry', '-keyout', 'key.pem', '-out', 'request.pem')
  writeFileSync(join(folder, 'names'), `subjectAltName=IP:${address}\n`)
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
  await openssl('x509', '-req', '-in', 'request.pem', ...signed, '-out', 'cert.pem')
}

function passOn(ask: IncomingMessage, reply: ServerResponse, socketPath: string): void {
  const { method, url, headers } = ask
  const { authorization: _, ...rest } = headers
  const onward = httpRequest({ socketPath, method, path: url, headers: rest }, (answer) => {
    reply.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(reply)
  })
  onward.on('error', () => reply.destroy())
  reply.on('close', () => onward.destroy())
  ask.pipe(onward)
}
