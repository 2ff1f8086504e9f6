/** Where Matrix keeps what outlives a run and belongs to no project: hosts, layers, the embedded engine. */
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'

/** `MATRIX_ENGINE_DIR` moves it; else root's is `/var/lib/matrix`, another user's below `XDG_STATE_HOME`. */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const other = env['MATRIX_ENGINE_DIR']
  if (other) return other
  if (userInfo().uid === 0) return '/var/lib/matrix'
  return join(env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local/state'), 'matrix')
}
