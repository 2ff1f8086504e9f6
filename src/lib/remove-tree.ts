/** Deletes a folder that may be large: bit by bit, so that whoever waits can be told, and can be stopped. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * One that is not there is no error, and what is mounted in it is not looked for. Rejects with the signal's reason with a
 * part of it deleted.
 *
 * @param onFolder hears of each folder at the top before it is deleted, and of how many entries it holds
 */
export async function removeTree(
  path: string,
  options: { readonly signal: AbortSignal; readonly onFolder?: (name: string, entries: number) => void },
): Promise<void> {
  const { signal, onFolder } = options
  for (const name of await foldersIn(path)) {
    const folder = join(path, name)
    const inner = await readdir(folder)
    onFolder?.(name, inner.length)
    for (const entry of inner) {
      signal.throwIfAborted()
      await rm(join(folder, entry), { recursive: true, force: true })
    }
  }
  signal.throwIfAborted()
  await rm(path, { recursive: true, force: true })
}

async function foldersIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
