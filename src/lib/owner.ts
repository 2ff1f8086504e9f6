/** Who a run belongs to, as text that fits a label, and whether that process still lives. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { namespaceOf, sendSignal, startTimeOf } from './process-table.ts'

/** `elsewhere`: another machine, boot or process tree, of which nothing can be said from here. */
export type OwnerState = 'alive' | 'dead' | 'elsewhere'

/** This process as `machine/pid/starttime`. The start time keeps a recycled pid from being taken for it. */
export function ownIdentity(): string {
  return `${machine()}/${process.pid}/${startTimeOf(process.pid) ?? '0'}`
}

/** What can be said from here about the process that wrote `owner`; `elsewhere` where the text is not one of ours. */
export function ownerState(owner: string): OwnerState {
  const [where, pidText = '', start] = owner.split('/')
  const pid = Number(pidText)
  if (where !== machine() || start === undefined || !Number.isInteger(pid) || pid <= 0) return 'elsewhere'
  // '0' was written where the system has no /proc.
  const lives = start === '0' ? sendSignal(pid, 0) : startTimeOf(pid) === start
  return lives ? 'alive' : 'dead'
}

let known: string | undefined

// Containers of one image share a machine id, and every container of a host shares its boot id:
// only together with the process tree do they say whose pid it is.
function machine(): string {
  const parts = [
    firstOf('/etc/machine-id') ?? hostname(),
    firstOf('/proc/sys/kernel/random/boot_id'),
    namespaceOf('self', 'pid'),
  ]
  known ??= createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
  return known
}

function firstOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}
