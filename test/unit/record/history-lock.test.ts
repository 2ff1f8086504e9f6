import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownIdentity } from '../../../src/lib/owner.ts'
import { withLock } from '../../../src/record/history-lock.ts'

async function underOneAnHourOld(holder: string, waitMs?: number): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-lock-'))
  try {
    const path = join(folder, 'lock')
    writeFileSync(path, holder)
    const hourAgo = Date.now() / 1000 - 3600
    utimesSync(path, hourAgo, hourAgo)
    const answer = await withLock(path, () => 'done', waitMs)
    expect(existsSync(path)).toBe(answer === null)
    return answer
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test.each([
  ['nobody wrote their name into', ''],
  ['came from another machine', '0123456789ab/1/1'],
])('an old lock that %s is taken over', async (_, holder) => {
  expect(await underOneAnHourOld(holder)).toBe('done')
})

test('the lock of a process that lives is not, however old', async () => {
  expect(await underOneAnHourOld(ownIdentity(), 100)).toBeNull()
})
