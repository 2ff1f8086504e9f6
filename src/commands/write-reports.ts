/** Writes the renderings of a run beside its record. */
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { RunRecord } from '../model/run-record.ts'
import { type RunFolder, runFolder } from '../record/run-folder.ts'
import { renderBadge } from '../reporters/badge.ts'
import { renderCtrf } from '../reporters/ctrf.ts'
import { renderHtml } from '../reporters/html/html.tsx'
import { renderJunit } from '../reporters/junit.ts'
import { renderMarkdown } from '../reporters/markdown.ts'
import { renderMetrics } from '../reporters/metrics.ts'
import { htmlContext } from './report-context.ts'

/** Beyond this a browser takes its time. */
const slowBytes = 10 * 1024 * 1024

/** @param onNotice hears what a reader should know of them */
export async function writeReports(
  reports: string,
  run: RunRecord,
  onNotice: (text: string) => void = () => {},
): Promise<RunFolder> {
  const folder = runFolder(reports, run.id)
  const html = renderHtml(run, htmlContext(reports, run))
  const bytes = Buffer.byteLength(html)
  if (bytes > slowBytes) {
    const size = Math.round(bytes / 1024 ** 2)
    onNotice(`the report has ${size} MiB and may open slowly; ${folder.summary} is short`)
  }
  await Promise.all([
    writeFileAtomic(folder.html, html),
    writeFileAtomic(folder.junit, renderJunit(run)),
    writeFileAtomic(folder.ctrf, renderCtrf(run)),
    writeFileAtomic(folder.metrics, renderMetrics(run)),
    writeFileAtomic(folder.badge, renderBadge(run)),
    writeFileAtomic(folder.summary, renderMarkdown(run)),
  ])
  return folder
}

/** The report once more, as report.html, with its style and script in files of their own. */
export async function writeSeparate(reports: string, run: RunRecord): Promise<void> {
  const folder = runFolder(reports, run.id)
  const context = htmlContext(reports, run)
  await Promise.all([
    writeFileAtomic(join(folder.path, 'report.html'), renderHtml(run, context, { layout: 'separate' })),
    writeFileAtomic(join(folder.path, 'report.css'), context.assets.style),
    writeFileAtomic(join(folder.path, 'island.js'), context.assets.script),
  ])
}
