/** Whether a run ended, is under way in some process, or was killed, as its journal and its owner tell. */
import { ownerState } from '../lib/owner.ts'
import type { RunEvent } from '../model/event.ts'
import type { RunState } from '../model/run-record.ts'

export function stateOfRun(events: readonly RunEvent[]): RunState {
  if (events.at(-1)?.type === 'run-finished') return 'ended'
  const [first] = events
  const owner = first?.type === 'run-started' ? first.owner : undefined
  return owner !== undefined && ownerState(owner) === 'alive' ? 'under way' : 'killed'
}
