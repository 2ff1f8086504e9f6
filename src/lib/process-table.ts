/** The processes of this machine, read from /proc; every answer is null where there is none or it is another's. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Clock ticks since boot at which a process started; null where it does not run, or has ended and waits to be reaped. */
export function startTimeOf(pid: number): string | null {
  const fields = statOf(pid)
  return fields?.[0] === 'Z' ? null : (fields?.[19] ?? null)
}

/** Those that run. */
export function childrenOf(pid: number): readonly number[] {
  return processIds().filter((child) => {
    const [state, parent] = statOf(child) ?? []
    return state !== 'Z' && Number(parent) === pid
  })
}

/** From the state on, which is the third field. Source: proc_pid_stat(5). */
function statOf(pid: number): readonly string[] | null {
  const stat = read(`/proc/${pid}/stat`)
  // The name, in parentheses, may hold anything, spaces and parentheses too.
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** The argument vector. */
export function commandLineOf(pid: number): readonly string[] | null {
  const text = read(`/proc/${pid}/cmdline`)
  return text === null || text === '' ? null : text.replace(/\0$/, '').split('\0')
}

/** A name for a namespace of a process, such as `net:[4026531840]`. */
export function namespaceOf(pid: number | 'self', kind: 'net' | 'pid'): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return null
  }
}

export function processIds(): readonly number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  } catch {
    return []
  }
}

/** Whether the process was there to take the signal; 0 only asks. */
export function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
