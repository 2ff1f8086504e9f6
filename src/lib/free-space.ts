/** Free space as df tells it, in the one form that the programs of Debian, Alpine and busybox share. Source: POSIX df, -P -k. */

export const freeSpaceCommand = (path: string): readonly string[] => ['df', '-P', '-k', path]

/** Bytes, of what that command printed; null where it printed something else. */
export function freeSpaceIn(stdout: string): number | null {
  const free = Number(stdout.trim().split('\n').at(-1)?.split(/\s+/)[3])
  return Number.isFinite(free) ? free * 1024 : null
}
