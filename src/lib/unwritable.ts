/** Files and folders that the machine does not let Matrix write: nobody's defect, and nothing that a stack did. */

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'it is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on its disk',
  EDQUOT: 'the quota of its disk is used up',
  ENOTDIR: 'a part of the path is no folder',
  EEXIST: 'a file of that name is there',
  // Of a folder to be made with those above it, Node says so where a read-only file system holds them.
  ENOENT: 'the folder that should hold it cannot be made',
}
const writing = /^(?:open|mkdir|mkdtemp|write|rename|symlink|link|unlink|rmdir|ftruncate|fsync|copyfile|chmod)$/

/** What could not be written and why, in words; null where the error is another one. */
export function unwritable(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const { code, syscall, path } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined || !writing.test(syscall)) return null
  // A file that is missing where it is read or replaced is a defect; only folders are made.
  if (code === 'ENOENT' && syscall !== 'mkdir') return null
  const reason = reasons[code]
  return reason === undefined ? null : `${path ?? 'a file'} cannot be written: ${reason}`
}
