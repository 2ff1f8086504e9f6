/** Probes keep a part of what is said without end and say so, and tell a broken way to the workload from its silence. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Duplex, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { type Engine, EngineError, type LogLine } from '../../../src/engines/engine.ts'
import { createFakeEngine, type FakeProgram } from '../../../src/engines/fake/fake-engine.ts'
import { DeadlineError } from '../../../src/lib/abort.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Probe } from '../../../src/model/check.ts'
import type { ProbeContext } from '../../../src/run/probes/context.ts'
import type { LogMark } from '../../../src/run/probes/log-mark.ts'
import { observe } from '../../../src/run/probes/observe.ts'
import type { ProbeTarget } from '../../../src/run/probes/target.ts'
import { httpProbe } from '../../support/declared.ts'

const { signal } = new AbortController()

function contextOf(engine: Engine, target: Partial<ProbeTarget>, rest: Partial<ProbeContext> = {}): ProbeContext {
  return {
    engine,
    target: {
      alias: 'api',
      containerId: '',
      ports: { http: 80 },
      imageId: '',
      dial: async () => new Duplex(),
      reach: async () => {},
      listening: async () => [],
      ...target,
    },
    clock: systemClock,
    signal,
    from: 'probe',
    secret: () => '',
    labels: {},
    cookies: new Map(),
    logMark: async () => null,
    ...rest,
  }
}

async function started(program: FakeProgram): Promise<{ readonly engine: Engine; readonly containerId: string }> {
  const engine = createFakeEngine({ work: program, ask: program })
  const { id: image } = await engine.images.importRoot(Readable.from(['x']), { reference: 'x', signal })
  const { id: containerId } = await engine.containers.create(
    {
      name: 'x',
      image,
      labels: {},
      command: ['work'],
      environment: {},
      constraints: {},
      network: { kind: 'none' },
      volumes: [],
    },
    { signal },
  )
  await engine.containers.start(containerId, { signal })
  return { engine, containerId }
}

const log: Probe = { kind: 'log', expect: { lines: { contains: 'x' } } }
const exec: Probe = { kind: 'exec', command: ['ask'], shell: false, image: 'self', expect: { exit_code: 0 } }
const banner: Probe = { kind: 'tcp', port: 'http', expect: { connected: true, banner: { contains: '+OK' } } }
const page = httpProbe()
const mebi = 1024 * 1024

describe('a probe that cannot keep everything says so', () => {
  test('of more lines than it keeps', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`)
    const few = await started({ stdout: many(10_000), exitCode: null })
    expect(await observe(log, contextOf(few.engine, few))).toMatchObject({ earlierCut: false, cutLines: [] })
    const more = await started({ stdout: many(10_001), exitCode: null })
    const seen = await observe(log, contextOf(more.engine, more))
    expect(seen).toMatchObject({ earlierCut: true, lines: expect.arrayContaining(['line 10000']) })
    expect(seen).not.toMatchObject({ lines: expect.arrayContaining(['line 0']) })
  })

  test('of lines longer than it keeps', async () => {
    const { engine, containerId } = await started({ exitCode: null })
    const lines = ['short', 'long'].map((text) => ({ at: null, stream: 'stdout' as const, text }))
    const logs = async () => ({ lines: [lines[0], { ...lines[1], cutChars: 7 }] as LogLine[], cutBytes: 7 })
    const cutting = { ...engine, containers: { ...engine.containers, logs } }
    const seen = await observe(log, contextOf(cutting, { containerId }))
    expect(seen).toMatchObject({ lines: ['short', 'long'], earlierCut: false, cutLines: [1] })
  })

  test('of more bytes of log than it keeps', async () => {
    const { engine, containerId } = await started({ stdout: ['first', 'x'.repeat(mebi)], exitCode: null })
    expect(await observe(log, contextOf(engine, { containerId }))).toMatchObject({ earlierCut: true })
  })

  test.each(['container', 'client'] as const)('of output, from %s', async (from) => {
    const { engine, containerId } = await started({ stdout: ['x'.repeat(mebi), 'tail'], exitCode: 0 })
    // The fake's container has ended, and a command in it cannot run.
    const alive = await started({ stdout: ['x'.repeat(mebi), 'tail'], exitCode: null })
    const [own, id] = from === 'client' ? [engine, containerId] : [alive.engine, alive.containerId]
    const image = (await own.images.inspect('x', { signal }))?.id ?? ''
    const seen = await observe(exec, contextOf(own, { containerId: id, imageId: image }, { from }))
    expect(seen).toMatchObject({ kind: 'exec', noReply: null, cutBytes: { stdout: expect.any(Number), stderr: 0 } })
    expect((seen as { cutBytes: { stdout: number } }).cutBytes.stdout).toBeGreaterThanOrEqual('tail'.length)
  })

  test('of a body, which is not cut within a character', async () => {
    const server = createServer((_, response) => response.end(`x${'é'.repeat(mebi / 2)}`)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const engine = createFakeEngine({})
    const seen = await observe(page, contextOf(engine, { dial: async () => connect(port, '127.0.0.1') }))
    expect(seen).toMatchObject({ bodyBytes: mebi + 1, cutBytes: 1, body: `x${'é'.repeat(mebi / 2 - 1)}` })
    server.close()
  })
})

describe('a log', () => {
  const told = async (lines: readonly LogLine[], mark: LogMark = { at: '2026-01-31T12:00:07.0001Z', lines: 1 }) => {
    const { engine, containerId } = await started({ exitCode: null })
    const { containers } = engine
    const asked: unknown[] = []
    const own: Engine = {
      ...engine,
      containers: {
        ...containers,
        inspect: async (id, options) => ({
          ...(await containers.inspect(id, options)),
          startedAt: '2026-01-31T12:00:00.25Z',
        }),
        logs: async (_id, options) => {
          asked.push(options.sinceMs)
          return { lines, cutBytes: 0 }
        },
      },
    }
    return { asked, context: contextOf(own, { containerId }, { logMark: async () => mark }) }
  }

  test.each([
    ['start', Date.parse('2026-01-31T12:00:00.250Z')],
    ['check', Date.parse('2026-01-31T12:00:07.000Z')],
    [undefined, undefined],
  ] as const)('since %s is asked for from that time on', async (since, sinceMs) => {
    const { asked, context } = await told([])
    await observe(since === undefined ? log : { ...log, since }, context)
    expect(asked).toEqual([sinceMs])
  })

  test('since the check is what was written after the last line before it, to the nanosecond', async () => {
    const line = (at: string, text: string): LogLine => ({ at: `2026-01-31T12:00:07${at}Z`, stream: 'stdout', text })
    const { context } = await told([line('.0001', 'before'), line('.000100001', 'after'), line('.1', 'later')])
    expect(await observe({ ...log, since: 'check' }, context)).toMatchObject({ lines: ['after', 'later'] })
  })

  test('since the check has the lines of the same second, where an engine tells no fractions of one', async () => {
    const line = (text: string, at = '2026-01-31T12:00:07Z'): LogLine => ({ at, stream: 'stdout', text })
    const lines = [line('before', '2026-01-31T12:00:06Z'), line('first'), line('second'), line('third')]
    const { context } = await told(lines, { at: '2026-01-31T12:00:07Z', lines: 2 })
    expect(await observe({ ...log, since: 'check' }, context)).toMatchObject({ lines: ['third'] })
  })
})

describe('a banner', () => {
  const engine = createFakeEngine({})

  test('that the engine did not pass on was not observed', async () => {
    const broken = new Duplex({
      read() {
        this.destroy(new EngineError('unreachable', 'the connection to the engine broke'))
      },
    })
    broken.on('error', () => {})
    expect(await observe(banner, contextOf(engine, { dial: async () => broken }))).toEqual({
      kind: 'unobserved',
      reason: 'engine-lost',
      message: 'the connection to the engine broke',
    })
  })

  test('that has not come by the end of the time is none', async () => {
    const time = new AbortController()
    const dial = async () => {
      setImmediate(() => time.abort(new DeadlineError(5)))
      return new Duplex({ read() {} })
    }
    const seen = await observe(banner, contextOf(engine, { dial }, { signal: time.signal }))
    expect(seen).toMatchObject({ kind: 'tcp', connected: true, banner: '' })
  })

  test('ends with its line', async () => {
    const said = ['+OK ', 'ready\n', 'more'].map((text) => Buffer.from(text))
    const stream = new Duplex({
      read() {
        this.push(said.shift() ?? null)
      },
    })
    const dial = async () => stream
    expect(await observe(banner, contextOf(engine, { dial }))).toMatchObject({ banner: '+OK ready\n', cutBytes: 0 })
  })
})
