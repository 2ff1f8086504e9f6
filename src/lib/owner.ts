/** Who a run belongs to, as text that fits a label, and whether that process still lives. */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** `elsewhere`: another machine, boot or process tree, of which nothing can be said from here. */
export type OwnerState = 'alive' | 'dead' | 'elsewhere'

/** This process as `machine/pid/starttime`. The start time keeps a recycled pid from being taken for it. */
export function ownIdentity(): string {
  return `${machine()}/${process.pid}/${startTime(process.pid) ?? '0'}`
}

/** What can be said from here about the process that wrote `owner`; `elsewhere` where the text is not one of ours. */
export function ownerState(owner: string): OwnerState {
  const [where, pidText = '', start] = owner.split('/')
  const pid = Number(pidText)
  if (where !== machine() || start === undefined || !Number.isInteger(pid) || pid <= 0) return 'elsewhere'
  const now = startTime(pid)
  if (now !== null) return now === start ? 'alive' : 'dead'
  return start === '0' && signalReaches(pid) ? 'alive' : 'dead'
}

let known: string | undefined

// Containers of one image share a machine id, and every container of a host shares its boot id:
// only together with the process tree do they say whose pid it is.
function machine(): string {
  known ??= createHash('sha256')
    .update(
      [firstOf('/etc/machine-id') ?? hostname(), firstOf('/proc/sys/kernel/random/boot_id'), pidNamespace()].join('\n'),
    )
    .digest('hex')
    .slice(0, 12)
  return known
}

function firstOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}

function pidNamespace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

/** Clock ticks since boot at which a process started; null where it does not run or the system has no /proc. */
function startTime(pid: number): string | null {
  const stat = firstOf(`/proc/${pid}/stat`)
  // The name, in parentheses, may hold anything, spaces and parentheses too.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? null : (fields?.[19] ?? null)
}

function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
