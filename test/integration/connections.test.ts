import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer as createSocketServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import { type Engine, type EngineAccess, EngineError } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, during, matrix, startMatrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'
import { type SshServer, startSshServer } from '../support/ssh-server.ts'
import { until } from '../support/until.ts'

const options = { signal: new AbortController().signal }
let local: Engine
let socketPath: string
beforeAll(async () => {
  local = await testEngine()
  socketPath = local.endpoint.slice('unix://'.length)
})
afterAll(() => local[Symbol.asyncDispose]())

async function failure(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => new Error('nothing failed'),
    (reason) => reason,
  )
  if (!(error instanceof EngineError)) throw error
  return error
}

async function firstFacts(endpoint: string, access: EngineAccess) {
  await using engine = connectDocker(endpoint, access)
  return await engine.facts(options)
}

describe('an engine behind ssh', () => {
  let server: SshServer
  beforeAll(async () => {
    server = await startSshServer()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const changed = (name: string, change: (text: string) => string): string => {
    const path = join(server.folder, name)
    writeFileSync(path, change(readFileSync(join(server.folder, 'known_hosts'), 'utf8')))
    return path
  }
  const otherKey = (type: string): string => {
    const file = join(server.folder, `other-${type}`)
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file])
    return readFileSync(`${file}.pub`, 'utf8')
  }

  test('another host key than the known one is refused, and both are told', async () => {
    const file = changed('wrong', (text) => `${text.split(' ')[0]} ${otherKey('ed25519')}`)
    const error = await failure(
      firstFacts(server.endpoint(socketPath), { ssh: { ...server.access, knownHostsFiles: [file] } }),
    )
    expect(error.code).toBe('rejected')
    expect(error.message).toMatch(
      /host key of 127\.0\.0\.1 is not the known one: expected SHA256:\S+, found SHA256:\S+/,
    )
    expect(error.hint).toContain(file)
  })

  test('so is a host of which only a key of another kind, or none, is known', async () => {
    const kind = changed('kind', (text) => `${text.split(' ')[0]} ${otherKey('ecdsa')}`)
    for (const [file, message] of [
      [kind, /no host key of the kind that is known/],
      [join(server.folder, 'absent'), /no host key is known for 127\.0\.0\.1:\d+/],
    ] as const) {
      const access = { ssh: { ...server.access, knownHostsFiles: [file] } }
      const error = await failure(firstFacts(server.endpoint(socketPath), access))
      expect(error).toMatchObject({ code: 'rejected', message: expect.stringMatching(message) })
    }
  })

  test('a key that is not taken, and a path where no engine listens, are told for what they are', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(server.folder, 'stranger')])
    const access = { ssh: { ...server.access, identityFiles: [join(server.folder, 'stranger')] } }
    expect(await failure(firstFacts(server.endpoint(socketPath), access))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('takes none of the keys'),
    })
    expect(await failure(firstFacts(server.endpoint('/run/no-such.sock'), { ssh: server.access }))).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('/run/no-such.sock'),
    })
  })

  test('what is in flight when the connection breaks is lost, never cut short; the next request connects anew', async () => {
    const image = await ensureHelperImage(local, options)
    await using engine = connectDocker(server.endpoint(socketPath), { ssh: server.access })
    const { id } = await engine.containers.create(
      {
        name: `matrix-connection-${process.pid}`,
        image,
        labels: {},
        // As process 1 it does not hear the signal that asks it to end.
        entrypoint: ['/bin/busybox', 'sh', '-c', 'while :; do echo tick; /bin/busybox sleep 1; done'],
        environment: {},
        constraints: {},
        network: { kind: 'none' },
        volumes: [],
      },
      options,
    )
    try {
      await engine.containers.start(id, options)
      const sh = (text: string) => ['/bin/busybox', 'sh', '-c', text]
      const waits = engine.containers.stop(id, { ...options, graceMs: 600_000 })
      const talks = engine.containers.exec(id, { command: sh('echo half; sleep 600'), maxBytes: 1000 }, options)
      const logs = await engine.containers.followLogs(id, options)
      const events = await engine.watch({}, options)
      const stream = await engine.containers.connect(id, sh('echo half; exec /bin/busybox cat'), options)
      await once(stream, 'data')
      const lost = [
        failure(waits),
        failure(talks),
        failure(drain(logs)),
        failure(drain(events)),
        failure(drain(stream)),
      ]
      await server.cut()
      expect((await Promise.all(lost)).map((error) => error.code)).toEqual(lost.map(() => 'unreachable'))
      expect((await engine.facts(options)).version).not.toBe('')

      await server.stop()
      expect(await failure(engine.facts(options))).toMatchObject({ code: 'unreachable' })
      await server.start()
      expect((await engine.facts(options)).version).not.toBe('')
    } finally {
      await local.containers.remove(id, options)
    }
  })

  test('one connection is held for an engine, however many requests are on at once, and let go of with it', async () => {
    await using own = await startSshServer()
    await using engine = connectDocker(own.endpoint(socketPath), { ssh: own.access })
    const listening = new AbortController()
    const watches = Array.from({ length: 3 }, () => engine.watch({}, { signal: listening.signal }))
    const versions = Array.from({ length: 3 }, () => engine.facts(options))
    await Promise.all([...watches, ...versions])
    const sessions = await own.sessions()
    expect(sessions).toHaveLength(1)
    listening.abort()
    await engine.facts(options)
    expect(await own.sessions()).toEqual(sessions)
    await engine[Symbol.asyncDispose]()
    await until(async () => (await own.sessions()).length === 0)
  })

  test('the program says why an engine that is named cannot be used', async () => {
    const { exitCode, stderr } = await matrix(['env', 'up', '--no-hosts', '--engine', server.endpoint(socketPath)], {
      cwd: server.folder,
      env: { HOME: server.folder, SSH_AUTH_SOCK: '' },
    })
    expect(stderr).toContain(`no host key is known for 127.0.0.1:${server.port}`)
    expect(exitCode).toBe(2)
  })
})

test('a cell whose engine cannot be used says why, and what to do', async () => {
  using lost = project({ ...serverStack('server'), ...environment('gone', 'engine: { connect: "context:gone" }') })
  const { run } = await check(lost.root, '--no-rerun')
  expect(run.cells[0]).toMatchObject({
    ...{ outcome: 'error', reason: 'no-engine' },
    message: expect.stringMatching(/^the engine of gone cannot be used: .*gone.*docker context ls shows them/),
  })
})

describe('a column behind ssh', () => {
  const command = '[sh, -c, "touch /tmp/begun; sleep 5"]'
  /** It takes one connection, and ends by it; the second check is of what it needs, and takes a while. */
  const ending = (row: string, how: string) =>
    serverStack(row, {
      yaml: `needs: [server]
service: { mem_limit: 64m }
command: [perl, -MIO::Socket::INET, -e, '$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 1); mkdir "/tmp/listens"; $s->accept; ${how}']`,
      readiness: '{ exec: { command: [test, -d, /tmp/listens] }, deadline: 30s }',
      checks: `  - { name: it answers, http: { port: http } }
  - { name: the other goes on, on: server, exec: { command: ${command} } }`,
    })
  let server: SshServer
  let tested: TestProject
  beforeAll(async () => {
    server = await startSshServer()
    tested = project({
      ...serverStack('server', { checks: `  - { name: it takes a while, exec: { command: ${command} } }` }),
      ...ending('hungry', '$n = 5e8; $x = "a" x $n; sleep 600'),
      ...ending('quitter', 'exit 3'),
      ...environment('far', `engine: { connect: "${server.endpoint(socketPath)}" }`),
      ...environment('here'),
      ...environment('nested', 'engine: { provision: { kind: nested, engine: docker, release: bullseye } }'),
    })
  })
  afterAll(async () => {
    tested?.[Symbol.dispose]()
    await server?.[Symbol.asyncDispose]()
  })
  const cells = ['server@far', 'server@here']
  /** Resolves once a check that takes a while is on in the container of that role. */
  const begun = async (cell = 'server@far', role = 'workload') => {
    const labels = { 'matrix.cell': cell, 'matrix.role': role }
    for (;;) {
      for (const { id } of await local.list('container', labels, options)) {
        const file = await local.containers.readFile(id, '/tmp/begun', { ...options, maxBytes: 1 }).catch(() => null)
        if (file !== null) return
      }
    }
  }
  /** The connection drops during the second check, when all is known of the first. */
  const cutAfterTheEnd = async (cell: string) => {
    const how = { cwd: tested.root, env: server.environment }
    const running = startMatrix(['check', '--json', '--no-rerun', cell], how)
    await during(running, begun(cell, 'need'))
    await server.cut()
    const [seen] = (JSON.parse(String((await running).stdout)) as RunRecord).cells
    return seen
  }
  const outcomesOf = ({ stdout }: { readonly stdout: unknown }) =>
    (JSON.parse(String(stdout)) as RunRecord).cells.map(({ id, outcome, stage, reason }) => [
      id,
      outcome,
      stage,
      reason,
    ])

  test('whose connection drops during a check is made again: that cell alone runs anew, and the record says why', async () => {
    const how = { cwd: tested.root, env: server.environment }
    const running = startMatrix(['check', '--json', '--no-rerun', ...cells], how)
    await during(running, begun())
    await server.cut()
    const { exitCode, stdout, stderr } = await running
    expect(outcomesOf({ stdout })).toEqual(cells.map((cell) => [cell, 'pass', null, null]))
    const run = JSON.parse(String(stdout)) as RunRecord
    expect(run.cells.map(({ troubles }) => troubles.map(({ stage, reason }) => [stage, reason]))).toEqual([
      [['check', 'engine-lost']],
      [],
    ])
    expect(stderr).toContain('server@far is tried again, for trouble at check (engine-lost)')
    expect(exitCode).toBe(0)
    expect(await leftovers(local, tested.root)).toEqual([])
  })

  test('after a workload has ended is made again too, and the record keeps that end', async () => {
    const cell = await cutAfterTheEnd('quitter@far')
    expect(cell).toMatchObject({ outcome: 'fail', reason: 'exited' })
    const [trouble, ...others] = cell?.troubles ?? []
    expect([trouble?.stage, trouble?.reason, others]).toEqual(['check', 'engine-lost', []])
    expect(trouble?.failures?.map(({ reason, message }) => [reason, message])).toEqual([
      ['exited', 'quitter ended with exit code 3, during "it answers"'],
      ['exited', 'quitter ended with exit code 3'],
    ])
  })

  test('after the kernel has killed the workload for want of memory is the answer, with that in it', async () => {
    const cell = await cutAfterTheEnd('hungry@far')
    expect(cell).toMatchObject({ outcome: 'error', reason: 'engine-lost', troubles: [] })
    expect(cell?.failures.map(({ kind, reason }) => [kind, reason])).toContainEqual(['fail', 'oom-killed'])
  })

  test('that stays lost is an error of that cell alone, and the next run has it again', async () => {
    const how = { cwd: tested.root, env: server.environment }
    const running = startMatrix(['check', '--json', '--no-rerun', ...cells], how)
    await during(running, begun())
    await server.stop()
    expect(outcomesOf(await running)).toEqual([
      ['server@far', 'error', 'check', 'engine-lost'],
      ['server@here', 'pass', null, null],
    ])
    expect((await running).exitCode).toBe(3)
    await server.start()
    expect(outcomesOf(await matrix(['check', '--json', ...cells], how))).toEqual(
      cells.map((cell) => [cell, 'pass', null, null]),
    )
    expect(await leftovers(local, tested.root)).toEqual([])
  })

  test('is what status, down and clean speak with where DOCKER_HOST names it; no nested host is looked for there', async () => {
    const endpoint = server.endpoint(socketPath)
    const how = { cwd: tested.root, env: { ...server.environment, DOCKER_HOST: endpoint } }
    const status = await matrix(['env', 'status'], how)
    expect(status).toMatchObject({ exitCode: 0 })
    expect(status.stdout).toContain(`a run would use: ${endpoint} (DOCKER_HOST)`)
    expect(status.stdout).toMatch(/^host docker-bullseye \(nested\): absent, .* is reached from elsewhere$/m)
    const down = await matrix(['env', 'down', 'nested'], how)
    expect(down).toMatchObject({ exitCode: 2, stdout: '' })
    expect(down.stderr).toContain(`${endpoint} is reached from elsewhere`)
    expect(await matrix(['clean'], how)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^nothing was left behind$/m),
    })
  })
})

describe('an engine behind TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-tls-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  /** A certificate for 127.0.0.1, signed by the authority `by`. */
  const certify = (name: string, by: string) => {
    writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1')
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}-key.pem`,
      '-subj',
      `/CN=${name}`,
      '-out',
      `${name}.csr`,
    )
    const signer = ['-CA', `${by}.pem`, '-CAkey', `${by}-key.pem`, '-CAcreateserial', '-extfile', 'ext', '-days', '2']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-out', `${name}.pem`)
  }
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      `${name}-key.pem`,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-out',
      `${name}.pem`,
    )

  test('its certificate is checked, and ours is shown to it', async () => {
    authority('ca')
    authority('other')
    certify('server', 'ca')
    certify('client', 'ca')
    const read = (name: string) => readFileSync(file(name))
    // In front of the real engine, as its own TLS would be.
    const server = createServer(
      { cert: read('server.pem'), key: read('server-key.pem'), ca: read('ca.pem'), requestCert: true },
      (incoming) => {
        const upstream = connect(socketPath)
        incoming.pipe(upstream).pipe(incoming)
        for (const [one, other] of [
          [incoming, upstream],
          [upstream, incoming],
        ] as const) {
          one.on('error', () => other.destroy())
        }
      },
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { readonly port: number }
    try {
      const tls = (name: string, ca: string, client: string | null): EngineAccess => {
        const tlsFolder = mkdtempSync(file(`${name}-`))
        copyFileSync(file(`${ca}.pem`), join(tlsFolder, 'ca.pem'))
        if (client !== null) {
          copyFileSync(file(`${client}.pem`), join(tlsFolder, 'cert.pem'))
          copyFileSync(file(`${client}-key.pem`), join(tlsFolder, 'key.pem'))
        }
        return { tlsFolder }
      }
      const endpoint = `tcp://127.0.0.1:${port}`
      const facts = await firstFacts(endpoint, tls('right', 'ca', 'client'))
      expect(facts.version).toBe((await local.facts(options)).version)
      expect(await failure(firstFacts(endpoint, tls('wrong-authority', 'other', 'client')))).toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/certificate/),
      })
      expect(await failure(firstFacts(endpoint, tls('no-certificate', 'ca', null)))).toMatchObject({
        code: 'unreachable',
      })
      expect(await failure(firstFacts(endpoint, {}))).toMatchObject({ code: 'unreachable' })
    } finally {
      server.close()
    }
  })
})

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
  }
}

describe('an address at which something else answers', () => {
  const listening = async (server: Server): Promise<AsyncDisposable & { readonly endpoint: string }> => {
    const folder = mkdtempSync(join(tmpdir(), 'matrix-test-'))
    server.listen(join(folder, 'x.sock'))
    await once(server, 'listening')
    return {
      endpoint: `unix://${folder}/x.sock`,
      async [Symbol.asyncDispose]() {
        server.close()
        rmSync(folder, { recursive: true })
      },
    }
  }
  const connecting = (endpoint: string) =>
    project({ ...serverStack('api'), ...environment('qa', `engine: { connect: "${endpoint}" }`) })

  test('is refused as no engine', async () => {
    const page = createHttpServer((_, response) => void response.end('<html>hello</html>'))
    await using other = await listening(page)
    await expect(firstFacts(other.endpoint, {})).rejects.toThrow('what answers there is neither Docker nor Podman')
    using made = connecting(other.endpoint)
    const { stdout } = await matrix(['doctor'], { cwd: made.root })
    expect(stdout).toMatch(/^note +engine +.*what answers there is neither Docker nor Podman/m)
  })

  test('and is gone is told by the environments that name it', async () => {
    const other = await listening(createSocketServer())
    await other[Symbol.asyncDispose]()
    using made = connecting(other.endpoint)
    const cleaned = await matrix(['clean'], { cwd: made.root })
    expect(cleaned.exitCode).toBe(3)
    expect(cleaned.stderr).toMatch(
      /^matrix: the engine at unix:\S+ \(qa\) does not answer: no such socket\n {2}Start it, or name another in the file of qa\.\n/,
    )
  })

  test('and never says a word keeps nobody longer than the time of the run', async () => {
    const held: Socket[] = []
    await using silent = await listening(createSocketServer((socket) => void held.push(socket)))
    using made = connecting(silent.endpoint)
    const { exitCode, run, stderr } = await check(made.root, '--no-rerun', '--deadline', '8s')
    expect(stderr).toContain(`connecting to ${silent.endpoint}`)
    expect([exitCode, run.complete]).toEqual([3, true])
    expect(run.cells).toMatchObject([{ outcome: 'not-run' }])
    for (const socket of held) socket.destroy()
  })
})
