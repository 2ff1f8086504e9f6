import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { namedEndpoint } from '../../../src/hosts/endpoint-access.ts'
import { findEngine } from '../../../src/hosts/find-engine.ts'

const home = mkdtempSync(join(tmpdir(), 'matrix-home-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

function writeContext(name: string, host: string, withTls = false): string {
  const id = createHash('sha256').update(name).digest('hex')
  const meta = join(home, '.docker/contexts/meta', id)
  mkdirSync(meta, { recursive: true })
  writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }))
  const tls = join(home, '.docker/contexts/tls', id, 'docker')
  if (withTls) mkdirSync(tls, { recursive: true })
  return tls
}

describe('what opens the way to a named engine', () => {
  test('a path is a local socket', () => {
    expect(namedEndpoint('/run/x.sock', { env: {}, home })).toEqual({
      ok: true,
      endpoint: 'unix:///run/x.sock',
      access: {},
    })
  })

  test('tcp has TLS where Docker’s variables ask for it', () => {
    const access = (env: Record<string, string>) => {
      const found = namedEndpoint('tcp://a:2376', { env, home })
      return found.ok ? found.access : found.problem
    }
    expect(access({})).toEqual({})
    expect(access({ DOCKER_CERT_PATH: '/certs' })).toEqual({ tlsFolder: '/certs' })
    expect(access({ DOCKER_TLS_VERIFY: '1' })).toEqual({ tlsFolder: join(home, '.docker') })
  })

  test('ssh uses the user’s keys, known hosts and agent', () => {
    const found = namedEndpoint('ssh://a', { env: { SSH_AUTH_SOCK: '/run/agent' }, home })
    expect(found).toMatchObject({
      ok: true,
      access: {
        ssh: { agentSocket: '/run/agent', knownHostsFiles: [join(home, '.ssh/known_hosts'), expect.any(String)] },
      },
    })
  })

  test('a context brings its own certificates, and takes none that are meant for another engine', () => {
    const tlsFolder = writeContext('safe', 'tcp://b:2376', true)
    writeContext('plain', 'tcp://c:2375')
    const env = { DOCKER_CERT_PATH: '/certs', DOCKER_TLS_VERIFY: '1' }
    expect(namedEndpoint('context:safe', { env, home })).toMatchObject({
      endpoint: 'tcp://b:2376',
      access: { tlsFolder },
    })
    expect(namedEndpoint('context:plain', { env, home })).toMatchObject({ endpoint: 'tcp://c:2375', access: {} })
    expect(namedEndpoint('context:none', { env, home })).toMatchObject({ ok: false, problem: { kind: 'usage' } })
  })

  test('a remote engine that is only the current context is refused', async () => {
    writeContext('far', 'ssh://production')
    const { signal } = new AbortController()
    const request = { env: { DOCKER_CONTEXT: 'far' }, home, signal, sockets: [] }
    expect(await findEngine(request)).toMatchObject({ kind: 'refused', problem: { kind: 'usage' } })
    expect(await findEngine({ ...request, named: 'context:far' })).toMatchObject({
      kind: 'found',
      endpoint: 'ssh://production',
    })
  })
})
