/** A run folded again from its journal, also one that was killed. */
import { foldRun } from '../model/fold-run.ts'
import type { RunRecord } from '../model/run-record.ts'
import { readJournal } from '../record/journal.ts'
import { runFolder } from '../record/run-folder.ts'

/** Null where the run left no journal that can be folded. */
export function readRun(reports: string, id: string): RunRecord | null {
  try {
    return foldRun(readJournal(runFolder(reports, id).journal))
  } catch {
    return null
  }
}
