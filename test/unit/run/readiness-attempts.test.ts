import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Readiness } from '../../../src/model/check.ts'
import { DialError, type ProbeTarget } from '../../../src/run/probes/target.ts'
import { waitReady } from '../../../src/run/readiness.ts'

const readiness: Readiness = {
  probe: { kind: 'tcp', port: 'http', expect: { connected: true } },
  from: 'probe',
  deadlineMs: 60_000,
  at: { file: 'stack.yaml', line: 1, column: 1, length: 1 },
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type Attempt = 'hangs' | 'answers' | 'is refused after 5 s'

/** Waits for a workload whose port does what each of these says, one attempt after the other. @param pauses gets how long each was */
function wait(attempts: readonly Attempt[], pauses: number[] = []) {
  const left = [...attempts]
  const reach = (signal: AbortSignal): Promise<void> => {
    const attempt = left.shift()
    if (attempt === 'answers') return Promise.resolve()
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      const refusal = new DialError('nothing listens', { reason: 'refused', relayFault: false })
      if (attempt === 'is refused after 5 s') setTimeout(() => reject(refusal), 5000)
    })
  }
  const target: ProbeTarget = {
    alias: 'api',
    containerId: 'c',
    ports: { http: 8080 },
    imageId: 'sha256:0',
    dial: () => Promise.reject(new Error('not dialled')),
    listening: async () => [],
    reach: (_port, { signal }) => reach(signal),
  }
  return waitReady(readiness, {
    engine: createFakeEngine({}),
    target,
    clock: { ...systemClock, now: Date.now, sleep: async (ms) => void pauses.push(ms) },
    signal: new AbortController().signal,
    deadlineMs: readiness.deadlineMs,
    secret: () => '',
    redact: [],
    labels: {},
    died: new Promise(() => {}),
  })
}

test('an attempt that hangs is given up for another', async () => {
  const waiting = wait(['hangs', 'answers'])
  await vi.advanceTimersByTimeAsync(59_000)
  expect(await waiting).toEqual({ outcome: 'ready', attempts: 2 })
})

test('a workload that never answers is not ready when the time is over', async () => {
  const waiting = wait(['hangs', 'hangs'])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await waiting).toMatchObject({ outcome: 'not-ready', reason: 'deadline', attempts: 2 })
})

test('attempts that take long leave the workload time of its own', async () => {
  const pauses: number[] = []
  const waiting = wait(['is refused after 5 s', 'is refused after 5 s', 'answers'], pauses)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await waiting).toEqual({ outcome: 'ready', attempts: 3 })
  expect(pauses).toEqual([3000, 3000])
})
