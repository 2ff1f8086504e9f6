/** Programs with children of their own, which all end together. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import { sendSignal } from './process-table.ts'

/** About a ninth of the processor that a program of the usual niceness gets beside it. Source: sched(7). */
const niceness = 10

/**
 * Starts a program in a process group of its own, which gets SIGTERM when `signal` aborts: some programs, as mmdebstrap, wait
 * for their children whatever signal they get themselves, and send one to their whole group where they fail. It steps back
 * behind whatever else runs: cells are checked beside it, and their deadlines are not for the work of making hosts.
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
  if (child.pid !== undefined) stepBack(child.pid)
  const onAbort = () => {
    if (child.pid !== undefined) sendSignal(-child.pid, 'SIGTERM')
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  child.once('close', () => signal.removeEventListener('abort', onAbort))
  return child
}

/** Also the children that it has later on. What is not allowed, or not there any more, changes nothing. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, niceness)
    // A session of its own is a group of its own to Linux, which knows only the group's niceness outside of it.
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
  } catch {
    // Not Linux, or without such groups.
  }
}
