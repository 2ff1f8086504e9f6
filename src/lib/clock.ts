/** Time, as the only source of it: monotonic milliseconds, wall time and waiting. */
import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. */
  now(): number
  /** Wall time as ISO 8601 in UTC. */
  wall(): string
  /** Resolves after `ms`; rejects with `signal.reason` when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date().toISOString(),
  async sleep(ms, signal) {
    if (signal === undefined) return delay(ms)
    try {
      await delay(ms, undefined, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  },
}
