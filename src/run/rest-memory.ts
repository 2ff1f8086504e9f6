/** How much memory the containers of a cell hold when nothing is asked of them. */
import type { RunningCopy } from './copy-runner.ts'
import type { EngineSession } from './session.ts'

/**
 * Prints what the cgroup holds, and how much of that is file content that the kernel may drop; of version 1, else of 2.
 * A container that shares the cgroup of the process that started it has no memory that is its own to tell.
 */
const script = `B=/bin/busybox; R=/proc/$1/root/sys/fs/cgroup
group() { G=$($B sed -n 's/^[0-9]*:memory://p' /proc/$1/cgroup); [ -n "$G" ] || G=$($B sed -n 's/^0:://p' /proc/$1/cgroup); echo "$G"; }
[ "$(group $1)" = "$(group $($B sed -n 's/^PPid:[^0-9]*//p' /proc/$1/status))" ] && exit 4
[ -f $R/memory/memory.usage_in_bytes ] && exec $B cat $R/memory/memory.usage_in_bytes $R/memory/memory.stat
exec $B cat $R/memory.current $R/memory.stat`

/** Alias → bytes. A container whose memory cannot be read is left out: that changes no answer. */
export async function readRestMemory(
  copies: readonly RunningCopy[],
  options: { readonly session: EngineSession; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, number>>> {
  const read = await Promise.all(
    copies.map(async (running) => [running.copy.alias, await bytesOf(running, options).catch(() => null)] as const),
  )
  options.signal.throwIfAborted()
  return Object.fromEntries(read.flatMap(([alias, bytes]) => (bytes === null ? [] : [[alias, bytes]])))
}

async function bytesOf(
  running: RunningCopy,
  options: { readonly session: EngineSession; readonly signal: AbortSignal },
): Promise<number | null> {
  const { session, signal } = options
  if (running.pid() <= 0) return null
  const { helper } = await session.hostOf(running.containerId, signal)
  const result = await helper.script(script, { args: [String(running.pid())], signal })
  return result.exitCode === 0 ? parseRestMemory(result.stdout) : null
}

/** What is held, less the files that were read and are not in use; null where the text is no cgroup's. */
export function parseRestMemory(text: string): number | null {
  const held = /^(\d+)$/m.exec(text)?.[1]
  if (held === undefined) return null
  const idle = /^total_inactive_file (\d+)$/m.exec(text)?.[1] ?? /^inactive_file (\d+)$/m.exec(text)?.[1] ?? '0'
  return Math.max(0, Number(held) - Number(idle))
}
