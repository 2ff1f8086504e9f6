/** A run folded again from its journal, also one that was killed or is under way. */
import { foldRun } from '../model/fold-run.ts'
import type { RunRecord } from '../model/run-record.ts'
import { readJournal } from '../record/journal.ts'
import { runFolder } from '../record/run-folder.ts'
import { stateOfRun } from '../record/run-state.ts'

/** Null where the run left no journal that can be folded. */
export function readRun(reports: string, id: string): RunRecord | null {
  try {
    const events = readJournal(runFolder(reports, id).journal)
    return foldRun(events, stateOfRun(events) === 'under way' ? 'under way' : 'over')
  } catch {
    return null
  }
}

/** What it has not answered yet is no answer. */
export function isUnderWay(reports: string, id: string): boolean {
  try {
    return stateOfRun(readJournal(runFolder(reports, id).journal)) === 'under way'
  } catch {
    return false
  }
}
