import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DeadlineError, patience } from '../../../src/lib/abort.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('patience ends once nothing was heard for so long, and not before', () => {
  using limit = patience(100, new AbortController().signal)
  vi.advanceTimersByTime(80)
  limit.renew()
  vi.advanceTimersByTime(80)
  expect(limit.signal.aborted).toBe(false)
  vi.advanceTimersByTime(20)
  expect(limit.signal.reason).toBeInstanceOf(DeadlineError)
})

test('patience ends with what it is a part of', () => {
  const whole = new AbortController()
  using limit = patience(100, whole.signal)
  whole.abort('enough')
  expect(limit.signal.reason).toBe('enough')
})
