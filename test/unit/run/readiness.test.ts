import { describe, expect, test } from 'vitest'
import { type Engine, EngineError, type LogLine } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Matcher, Readiness } from '../../../src/model/check.ts'
import { DialError } from '../../../src/run/probes/target.ts'
import { waitReady } from '../../../src/run/readiness.ts'

/** Nothing ever listens, so that only the log can end the wait before its deadline. */
function wait(log: () => AsyncIterable<LogLine>, failOn: Matcher = { contains: 'FATAL' }) {
  const fake = createFakeEngine({})
  const engine: Engine = { ...fake, containers: { ...fake.containers, followLogs: async () => log() } }
  const refused = async () => {
    throw new DialError('nothing listens', { reason: 'refused', relayFault: false })
  }
  const readiness: Readiness = {
    probe: { kind: 'tcp', port: 'http', expect: { connected: true } },
    from: 'probe',
    deadlineMs: 60_000,
    failOn,
    at: { file: 'x', line: 1, column: 1, length: 1 },
  }
  return waitReady(readiness, {
    engine,
    target: {
      alias: 'api',
      containerId: 'x',
      ports: { http: 80 },
      imageId: '',
      dial: refused,
      reach: refused,
      listening: async () => [],
    },
    clock: systemClock,
    signal: new AbortController().signal,
    deadlineMs: 60_000,
    secret: () => '',
    redact: ['hunter2'],
    labels: {},
    died: new Promise(() => {}),
  })
}

const line = (text: string): LogLine => ({ at: null, stream: 'stderr', text })

describe('a wait that looks for a fatal line', () => {
  test('ends with it', async () => {
    async function* log() {
      yield line('starting')
      yield line('FATAL: hunter2 was refused')
    }
    expect(await wait(log)).toMatchObject({
      outcome: 'not-ready',
      error: false,
      reason: 'fail-on',
      message: 'the log says: FATAL: [secret] was refused',
    })
  })

  test('could not observe it where the log breaks off', async () => {
    async function* log() {
      yield line('starting')
      throw new EngineError('unreachable', 'the connection to the engine broke')
    }
    expect(await wait(log)).toMatchObject({
      outcome: 'not-ready',
      error: true,
      reason: 'engine-lost',
      message: 'the log could not be watched for a line of fail_on: the connection to the engine broke',
    })
  })

  test('could not observe it where it cannot be judged', async () => {
    async function* log() {
      yield line(`${'a'.repeat(40)}!`)
    }
    expect(await wait(log, { matches: '^(a+)+$' })).toMatchObject({ error: true, reason: 'unobservable' })
  })
})
