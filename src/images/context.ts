/** Packs a build context: the same files give the same bytes, so that the engine's cache holds. */
import { constants } from 'node:fs'
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import ignore from '@balena/dockerignore'
import { pack as newPack, type Pack } from 'tar-stream'
import { asksForHostCa, hostCaPath } from './dockerfile.ts'

export interface BuildContext {
  readonly tar: Readable
  readonly dockerfileText: string
}

/**
 * Sorted, without times and owners. Symbolic links are packed as links and never followed. The host's CA bundle is
 * added only where the Dockerfile names it; an empty file stands for a host without one.
 *
 * @param options.dockerfile relative to `directory`.
 */
export async function packContext(
  directory: string,
  options: { readonly dockerfile: string; readonly hostCa: string | null },
): Promise<BuildContext> {
  const dockerfileText = await readFile(join(directory, options.dockerfile), 'utf8')
  const ignored = await ignoreRules(directory)
  // From the first read on: a file may be gone by then, and that is for the reader to hear.
  async function* packed() {
    const tar = newPack()
    const write = async () => {
      await addFolder(tar, { directory, inside: '', keep: (path) => path === options.dockerfile || !ignored(path) })
      if (asksForHostCa(dockerfileText)) {
        const content = options.hostCa === null ? '' : await readFile(options.hostCa)
        tar.entry({ name: hostCaPath, mode: 0o644, mtime: new Date(0) }, content)
      }
      tar.finalize()
    }
    write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
    yield* tar as AsyncIterable<Buffer>
  }
  return { tar: Readable.from(packed(), { objectMode: false }), dockerfileText }
}

async function ignoreRules(directory: string): Promise<(path: string) => boolean> {
  const rules = ignore.default({ ignorecase: false })
  try {
    rules.add(await readFile(join(directory, '.dockerignore'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return (path) => rules.ignores(path)
}

async function addFolder(
  tar: Pack,
  folder: { readonly directory: string; readonly inside: string; readonly keep: (path: string) => boolean },
): Promise<void> {
  for (const { name, isText } of await namesIn(join(folder.directory, folder.inside))) {
    const path = folder.inside === '' ? name : `${folder.inside}/${name}`
    if (!isText) {
      if (!folder.keep(path)) continue
      throw new Error(`the name of ${path} is no UTF-8, so it cannot be packed; rename it, or name it in .dockerignore`)
    }
    const full = join(folder.directory, path)
    const stat = await lstat(full)
    const header = { name: path, mode: stat.mode & 0o7777, mtime: new Date(0), uid: 0, gid: 0 }
    if (stat.isDirectory()) {
      // A folder may be ignored and hold a file that is not, so its children are asked one by one.
      if (folder.keep(path)) tar.entry({ ...header, type: 'directory' })
      await addFolder(tar, { ...folder, inside: path })
    } else if (!folder.keep(path)) {
    } else if (stat.isSymbolicLink()) {
      tar.entry({ ...header, type: 'symlink', linkname: await readlink(full) })
    } else if (stat.isFile()) {
      // Without following, should the file have been exchanged for a link meanwhile.
      const handle = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW)
      try {
        tar.entry({ ...header, type: 'file' }, await handle.readFile())
      } finally {
        await handle.close()
      }
    }
  }
}

/** Sorted. A name that is no text cannot be said in one, and its file not be found by what is said instead. */
async function namesIn(folder: string): Promise<readonly { readonly name: string; readonly isText: boolean }[]> {
  const names = (await readdir(folder, { encoding: 'buffer' })).map((bytes) => {
    const name = bytes.toString()
    return { name, isText: Buffer.from(name).equals(bytes) }
  })
  return names.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
