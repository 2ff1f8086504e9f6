/** Runs mmdebstrap such that nothing of it stays, whenever it is ended: no mount, no half of a root file system. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnGroup } from '../lib/process-group.ts'

/**
 * It mounts `/proc` and more in the root that it makes, and whom a signal ends in between unmounts nothing: so it has a mount
 * namespace of its own, which goes with the last of its processes. Who may make none is not root and mounts nothing here.
 */
const apart = `export TMPDIR="$1"; shift
if unshare --mount true 2>/dev/null; then exec unshare --mount -- mmdebstrap "$@"; fi
exec mmdebstrap "$@"`

/** Ends, with all that works for it, when `signal` aborts. Exit code 127: it is not installed. */
export function spawnMmdebstrap(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): ReturnType<typeof spawnGroup> {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-mmdebstrap-'))
  // The user that fetches packages has to get through it.
  chmodSync(folder, 0o755)
  const child = spawnGroup('sh', ['-c', apart, 'sh', folder, ...args], options)
  // At once: whoever waits for its end may end this process.
  const remove = () => rmSync(folder, { recursive: true, force: true })
  child.once('close', remove)
  child.once('error', remove)
  return child
}
