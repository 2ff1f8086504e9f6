import { afterEach, expect, test, vi } from 'vitest'
import { type ContainerState, type Engine, EngineError, type LogLine } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Check, Probe, Step } from '../../../src/model/check.ts'
import { type CheckContext, runCheck } from '../../../src/run/check-runner.ts'
import type { ProbeTarget } from '../../../src/run/probes/target.ts'

afterEach(() => void vi.useRealTimers())

const at = { file: 'x', line: 1, column: 1, length: 1 }
const step = (act: Step['act']): Step => ({ act, from: 'probe', capture: {}, timeoutMs: 1000, at })
const contextWith = (acts: Pick<CheckContext, 'restart' | 'signalProcess'>): CheckContext => ({
  engine: createFakeEngine({}),
  targets: new Map(),
  clock: systemClock,
  signal: new AbortController().signal,
  timeScale: 1,
  secret: () => '',
  redact: [],
  evidence: { put: async ({ name, mediaType }) => ({ hash: 'sha256:0', name, mediaType, sizeBytes: 0, cutBytes: 0 }) },
  cell: 'api@here',
  labels: {},
  ...acts,
})
const endsWith = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

test('a restart may take as long as the stack declares that it needs to become ready', async () => {
  vi.useFakeTimers()
  const check: Check = {
    name: 'it comes again',
    kind: 'steps',
    steps: [step({ kind: 'restart' })],
    at,
  }
  const slow = async (_: string, { signal }: { readonly signal: AbortSignal }) => {
    const ready = new Promise<void>((resolve) => setTimeout(resolve, 119_000))
    await Promise.race([ready, endsWith(signal)])
  }
  const record = runCheck(check, contextWith({ restart: slow, signalProcess: async () => {} }))
  await vi.advanceTimersByTimeAsync(120_000)
  expect(await record).toMatchObject({ outcome: 'pass', message: null })
})

test('an engine that never sends a signal leaves the check unobserved', async () => {
  vi.useFakeTimers()
  const check: Check = { name: 'it reloads', kind: 'steps', steps: [step({ kind: 'signal', signal: 'SIGHUP' })], at }
  const hangs: CheckContext['signalProcess'] = (_, { signal }) => endsWith(signal)
  const record = runCheck(check, contextWith({ restart: async () => {}, signalProcess: hangs }))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await record).toMatchObject({ outcome: 'error', reason: 'unobservable' })
})

test('that no such process runs is an observation, and no trouble of the engine', async () => {
  const check: Check = { name: 'it reloads', kind: 'steps', steps: [step({ kind: 'signal', signal: 'SIGHUP' })], at }
  const without: CheckContext['signalProcess'] = async () => {
    throw new Error('no process "ngin" runs in api')
  }
  const broken: CheckContext['signalProcess'] = async () => {
    throw new EngineError('unreachable', 'the connection to the engine broke')
  }
  const seen = await runCheck(check, contextWith({ restart: async () => {}, signalProcess: without }))
  expect(seen).toMatchObject({ outcome: 'error', actual: 'no process "ngin" runs in api' })
  const unseen = await runCheck(check, contextWith({ restart: async () => {}, signalProcess: broken }))
  expect(unseen).toMatchObject({ outcome: 'error', actual: null })
})

test.each([
  ['which may be far from ours', '1999-12-31T23:59:58.5Z', '1999-12-31T23:59:58.500001Z'],
  ['which may tell whole seconds', '2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
])('what is logged since the check is told by the clock of the engine, %s', async (_, before, after) => {
  const lines: LogLine[] = [before, before].map((at) => ({ at, stream: 'stdout', text: 'got USR1' }))
  const engine = createFakeEngine({})
  const logs: Engine['containers']['logs'] = async (_id, { sinceMs = 0, tail = 100 }) => ({
    lines: lines.filter(({ at }) => Date.parse(at ?? '') >= sinceMs).slice(-tail),
    cutBytes: 0,
  })
  const probe: Probe = { kind: 'log', since: 'check', expect: { lines: { contains: 'got USR1' } } }
  const check: Check = {
    name: 'a signal is heard',
    kind: 'steps',
    steps: [step({ kind: 'signal', signal: 'SIGUSR1' }), step({ kind: 'parallel', branches: [[step(probe)]] })],
    at,
  }
  const context = (answer: readonly LogLine[]): CheckContext => ({
    ...contextWith({ restart: async () => {}, signalProcess: async () => void lines.push(...answer) }),
    engine: { ...engine, containers: { ...engine.containers, logs } },
    targets: new Map([['', { containerId: 'x', alias: 'api' } as ProbeTarget]]),
  })
  expect(await runCheck(check, context([]))).toMatchObject({ outcome: 'fail', reason: 'mismatch' })
  const heard = [{ at: after, stream: 'stdout', text: 'got USR1' }] as const
  expect(await runCheck(check, context(heard))).toMatchObject({ outcome: 'pass' })
})

test('a log of which nobody knows where it ended before the check leaves it unobserved', async () => {
  const engine = createFakeEngine({})
  const logs: Engine['containers']['logs'] = async (_id, { sinceMs }) => {
    if (sinceMs === undefined) throw new EngineError('unreachable', 'the connection to the engine broke')
    return { lines: [{ at: '2026-01-31T12:00:00Z', stream: 'stdout', text: 'got USR1' }], cutBytes: 0 }
  }
  const probe: Probe = { kind: 'log', since: 'check', expect: { lines: { contains: 'got USR1' } } }
  const context: CheckContext = {
    ...contextWith({ restart: async () => {}, signalProcess: async () => {} }),
    engine: { ...engine, containers: { ...engine.containers, logs } },
    targets: new Map([['', { containerId: 'x', alias: 'api' } as ProbeTarget]]),
  }
  const record = await runCheck({ name: 'a signal is heard', kind: 'log', steps: [step(probe)], at }, context)
  expect(record).toMatchObject({ outcome: 'error', reason: 'engine-lost' })
})

test('what was seen in time is the answer, where the last look of `eventually` is cut short by its end', async () => {
  const engine = createFakeEngine({})
  let looks = 0
  const inspect: Engine['containers']['inspect'] = async (_id, { signal }) => {
    looks += 1
    if (looks > 1) await endsWith(signal)
    return { health: 'healthy' } as ContainerState
  }
  const probe: Probe = { kind: 'health', expect: { status: 'unhealthy' } }
  const check: Check = { name: 'it sickens', kind: 'health', steps: [{ ...step(probe), eventuallyMs: 900 }], at }
  const kept: string[] = []
  const record = runCheck(check, {
    ...contextWith({ restart: async () => {}, signalProcess: async () => {} }),
    engine: { ...engine, containers: { ...engine.containers, inspect } },
    targets: new Map([['', { containerId: 'x', alias: 'api' } as ProbeTarget]]),
    evidence: {
      put: async ({ name, mediaType, content }) => {
        kept.push(String(content))
        return { hash: 'sha256:0', name, mediaType, sizeBytes: 0, cutBytes: 0 }
      },
    },
  })
  expect(await record).toMatchObject({
    outcome: 'fail',
    reason: 'mismatch',
    actual: { status: 'healthy' },
    attempts: 2,
  })
  expect(kept.join()).toContain('healthy')
  expect(kept.join()).not.toContain('unobservable')
})
