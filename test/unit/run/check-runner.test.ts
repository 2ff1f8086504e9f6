import { afterEach, expect, test, vi } from 'vitest'
import { EngineError } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Check, Step } from '../../../src/model/check.ts'
import { type CheckContext, runCheck } from '../../../src/run/check-runner.ts'

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
