/** Writes the renderings of a run beside its record. */
import writeFileAtomic from 'write-file-atomic'
import type { RunRecord } from '../model/run-record.ts'
import type { RunFolder } from '../record/run-folder.ts'
import { renderJunit } from '../reporters/junit.ts'
import { renderMarkdown } from '../reporters/markdown.ts'

export async function writeReports(folder: RunFolder, run: RunRecord): Promise<void> {
  await Promise.all([
    writeFileAtomic(folder.junit, renderJunit(run)),
    writeFileAtomic(folder.summary, renderMarkdown(run)),
  ])
}
