/** Programs with children of their own, which all end together. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { sendSignal } from './process-table.ts'

/**
 * Starts a program in a process group of its own, which gets SIGTERM when `signal` aborts: some programs, as mmdebstrap, wait
 * for their children whatever signal they get themselves, and send one to their whole group where they fail.
 */
export function spawnGroup(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): ChildProcessByStdio<null, Readable, Readable> {
  const { signal, env } = options
  const child = spawn(program, [...args], {
    env: env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const onAbort = () => {
    if (child.pid !== undefined) sendSignal(-child.pid, 'SIGTERM')
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  child.once('close', () => signal.removeEventListener('abort', onAbort))
  return child
}
