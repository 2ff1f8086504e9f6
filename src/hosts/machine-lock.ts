/** A lock for this machine: whoever holds it is named in it, so that a dead holder's lock is taken over. */
import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'

/** Waits its turn; rejects with the signal's reason. Dispose it to let the next one in. */
export async function takeLock(
  path: string,
  options: { readonly signal: AbortSignal; readonly onWait?: () => void },
): Promise<Disposable> {
  let told = false
  // Whoever held it before its folder was taken away must not let go of what another has by now.
  const own = `${ownIdentity()}/${randomUUID()}`
  for (;;) {
    options.signal.throwIfAborted()
    // Whoever held it may have taken the folder away with all that it was for.
    mkdirSync(dirname(path), { recursive: true })
    if (claim(path, own)) return { [Symbol.dispose]: () => release(path, own) }
    const owner = ownerOf(path)
    if (owner === null) continue
    if (ownerState(owner) !== 'alive') {
      breakLock(path, owner)
      continue
    }
    if (!told) options.onWait?.()
    told = true
    await systemClock.sleep(200, options.signal)
  }
}

const ownFile = (path: string) => `${path}.${ownIdentity().replaceAll('/', '-')}`

/** A link appears whole: nobody ever reads a lock without its owner. */
function claim(path: string, own: string): boolean {
  const draft = ownFile(path)
  try {
    writeFileSync(draft, own)
    linkSync(draft, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Somebody has it, or took the folder away this moment.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function release(path: string, own: string): void {
  if (ownerOf(path) === own) rmSync(path, { force: true })
}

/** Takes a dead owner's lock away; where another was quicker and holds it by now, gives it back. */
function breakLock(path: string, dead: string): void {
  const aside = `${ownFile(path)}.broken`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, 'utf8').trim() !== dead) linkSync(aside, path)
  } catch {
    // Somebody else broke it first.
  }
  rmSync(aside, { force: true })
}

function ownerOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}
