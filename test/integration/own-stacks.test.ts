/** The project's own stacks, each with one part of it broken: exactly the checks that are about that part turn red. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { testEngine } from '../support/engine.ts'
import { imageFiles } from '../support/image-files.ts'
import { check } from '../support/matrix.ts'
import { environment, project } from '../support/project.ts'

const stacks = new URL('../../stacks', import.meta.url).pathname

function filesOf(id: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(`${stacks}/${id}`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = `${entry.parentPath}/${entry.name}`
        return [`stacks/${path.slice(stacks.length + 1)}`, readFileSync(path, 'utf8')]
      }),
  )
}

/** A text in one file of a stack exchanged for another. */
interface Break {
  readonly file: string
  readonly text: string
  readonly by: string
}

/** @param named what the cell's message must tell, beside the failing checks that are returned */
async function failing(row: string, needs: readonly string[], broken: Break, named = /./): Promise<readonly string[]> {
  const files = Object.assign({}, ...[row.replace(/-py\d+$/, ''), ...needs].map(filesOf)) as Record<string, string>
  const before = files[broken.file] ?? ''
  expect(before).toContain(broken.text)
  files[broken.file] = before.replace(broken.text, broken.by)
  using made = project({ ...environment('plain'), ...files })
  const run = await check(made.root, `${row}@plain`)
  expect(run.exitCode).toBe(1)
  expect(run.cell(`${row}@plain`)).toMatchObject({
    outcome: 'fail',
    stage: 'check',
    message: expect.stringMatching(named),
  })
  return run
    .cell(`${row}@plain`)
    .checks.filter((one) => one.outcome !== 'pass')
    .map((one) => one.name)
}

describe('a stack of the project', () => {
  test('static-site without ModSecurity lets attacks through', async () => {
    const off = { file: 'stacks/static-site/modsecurity.conf', text: 'SecRuleEngine On', by: 'SecRuleEngine Off' }
    expect(await failing('static-site', [], off)).toEqual([
      'an SQL injection is refused',
      'a script in a question is refused',
    ])
  })
  test('static-site that takes TLS 1.1 is told from one that does not', async () => {
    const old = {
      file: 'stacks/static-site/nginx.conf',
      text: 'ssl_protocols TLSv1.2 TLSv1.3;',
      by: 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT@SECLEVEL=0;',
    }
    expect(await failing('static-site', [], old)).toEqual(['a client of TLS 1.1 is turned away'])
  })
  test('queue that keeps nothing loses it at a restart', async () => {
    const forgetful = { file: 'stacks/queue/start', text: 'appendonly yes', by: 'appendonly no' }
    expect(await failing('queue', [], forgetful)).toEqual(['what is queued survives a restart'])
  })
  test('queue whose Sentinel is down', async () => {
    const blind = { file: 'stacks/queue/start', text: 'redis-sentinel /data/sentinel.conf &', by: 'sleep 1000 &' }
    expect(await failing('queue', [], blind, /nothing listens on .*\(sentinel\)/)).toEqual([
      'Redis and Sentinel tell their versions',
      'when the master is stopped Sentinel promotes the replica, and a client that asks Sentinel writes again',
    ])
  })
  test('api-endpoint that forgets to queue is seen through the queue', async () => {
    const lazy = { file: 'stacks/api-endpoint/app.py', text: 'worker.pack.delay(order["id"]).id', by: '"none"' }
    expect(await failing('api-endpoint-py3', ['user-db', 'queue'], lazy)).toEqual([
      'a worker packs the order, and its result is fetched',
      "an order is in the database, and its job's result in the queue",
    ])
  })
  test('web-frontend whose worker listens to another queue', async () => {
    const deaf = { file: 'stacks/web-frontend/start', text: '--queue greetings', by: '--queue others' }
    expect(await failing('web-frontend', ['user-db', 'queue'], deaf)).toEqual([
      'the action behind the queue reaches a worker',
    ])
  })
  test('analytics-db whose DataNode is stopped ends, and its log names it', async () => {
    const stopped = {
      file: 'stacks/analytics-db/stack.yaml',
      text: '      - exec: { command: [hdfs, fsck, /orders, -files, -blocks] }',
      by: '      - signal: { process: datanode, name: SIGKILL }\n      - exec: { command: [hdfs, fsck, /orders, -files, -blocks] }',
    }
    const red = await failing(
      'analytics-db',
      [],
      stopped,
      /analytics-db ended with exit code 1: .*datanode ended with status 137/,
    )
    expect(red).toContain(
      'a file is put into HDFS, a table laid over it, and an aggregate over JDBC is the known number',
    )
  })
  test('background-workers without FFmpeg', async () => {
    const without = {
      file: 'stacks/background-workers/Dockerfile',
      text: 'ENV PYTHONUNBUFFERED=1',
      by: 'RUN rm /usr/bin/ffmpeg\nENV PYTHONUNBUFFERED=1',
    }
    expect(await failing('background-workers', ['queue', 'static-site'], without, /ffmpeg/)).toEqual([
      'Celery, its Redis client, libcurl, OpenCV, FFmpeg, Node.js and Chromium tell their versions',
      'FFmpeg makes a clip and probes it',
      'OpenCV finds the box in a frame of the clip',
    ])
  })
  test('user-db whose JavaScript function is dropped', async () => {
    const dropped = {
      file: 'stacks/user-db/migrations/003-javascript.sql',
      text: 'CREATE FUNCTION handles_of_users()',
      by: 'CREATE FUNCTION forgotten()',
    }
    expect(await failing('user-db', [], dropped)).toEqual(['a JavaScript function called from SQL runs on V8'])
  })
  test('user-db that lets everybody in is told from one that does not', async () => {
    const open = { file: 'stacks/user-db/Dockerfile', text: 'host app app all trust', by: 'host all all all trust' }
    expect(await failing('user-db', [], open)).toEqual(['another role is not let in'])
  })
})

/** Certificates that this host trusts beside the distribution's: a proxy's that inspects TLS, for one. */
function ownCertificates(): readonly string[] {
  const blocks = (text: string) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const authorities = '/usr/share/ca-certificates/mozilla'
  const shipped = new Set(
    readdirSync(authorities).flatMap((name) => blocks(readFileSync(`${authorities}/${name}`, 'utf8'))),
  )
  return blocks(readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8')).filter((one) => !shipped.has(one))
}

describe('a stack of the project that fetches from a language registry', () => {
  test.each([
    ['static-site', []],
    ['user-db', []],
    ['api-endpoint-py3', ['user-db', 'queue']],
  ] as const)('%s is the same image when built again, and holds nothing of the host', async (row, needs) => {
    const files = Object.assign({}, ...[row.replace(/-py\d+$/, ''), ...needs].map(filesOf))
    using made = project({ ...environment('plain'), ...files })
    const ids: (string | undefined)[] = []
    for (const _ of [1, 2]) {
      const { exitCode, run } = await check(made.root, `${row}@plain`)
      expect(exitCode).toBe(0)
      ids.push(run.stacks.find((one) => one.id === row)?.image?.id)
    }
    expect(ids[0]).toMatch(/^sha256:/)
    expect(ids[1]).toBe(ids[0])

    const certificates = ownCertificates().map((one) => one.split('\n')[1] ?? '')
    const engine = await testEngine()
    const holding: string[] = []
    for await (const file of imageFiles(engine, ids[0] ?? '')) {
      const found = file.name.includes('host-ca') || certificates.some((line) => file.content.includes(line))
      if (found) holding.push(`${file.layer}: ${file.name}`)
    }
    await engine[Symbol.asyncDispose]()
    expect(holding).toEqual([])
  })
})
