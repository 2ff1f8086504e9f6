/** One writer of the history at a time, so that pruning loses no line of a run that ends meanwhile. */
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { systemClock } from '../lib/clock.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'

const pollMs = 25
const patienceMs = 10_000
// Nobody prunes for so long: who took it was killed before they wrote their name, or it was restored from elsewhere.
const staleMs = 600_000

/** Null where somebody else holds it for longer than anybody should; the lock of a process that died is taken over. */
export async function withLock<T>(
  path: string,
  work: () => T | Promise<T>,
  waitMs: number = patienceMs,
): Promise<T | null> {
  const until = systemClock.now() + waitMs
  while (!take(path)) {
    if (systemClock.now() > until) return null
    await systemClock.sleep(pollMs)
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(path: string): boolean {
  try {
    const file = openSync(path, 'wx')
    writeSync(file, ownIdentity())
    closeSync(file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (holderIsDead(path)) rmSync(path, { force: true })
    return false
  }
}

function holderIsDead(path: string): boolean {
  try {
    const state = ownerState(readFileSync(path, 'utf8'))
    const ageMs = Date.parse(systemClock.wall()) - statSync(path).mtimeMs
    return state === 'dead' || (state === 'elsewhere' && ageMs > staleMs)
  } catch {
    return false
  }
}
