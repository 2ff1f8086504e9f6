/** `matrix report`: folds a run again from its journal and renders it, also one that was killed. */
import { relative } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { printable } from '../lib/printable.ts'
import type { RunRecord } from '../model/run-record.ts'
import { exitCodes } from '../model/verdict.ts'
import { readEvidence } from '../record/evidence-store.ts'
import { isRunId, reportsFolder, runFolder, runIds } from '../record/run-folder.ts'
import { renderBadge } from '../reporters/badge.ts'
import { renderCtrf } from '../reporters/ctrf.ts'
import { renderHtml } from '../reporters/html/html.tsx'
import { renderJson } from '../reporters/json.ts'
import { renderJunit } from '../reporters/junit.ts'
import { renderMarkdown } from '../reporters/markdown.ts'
import { renderMetrics } from '../reporters/metrics.ts'
import { renderFinal } from '../reporters/terminal-final.ts'
import type { Io } from './io.ts'
import { readRun } from './read-run.ts'
import { htmlContext } from './report-context.ts'
import { writeReports, writeSeparate } from './write-reports.ts'

const formats = {
  html: (run: RunRecord, reports: string) => renderHtml(run, htmlContext(reports, run)),
  json: renderJson,
  junit: renderJunit,
  ctrf: renderCtrf,
  markdown: renderMarkdown,
  metrics: renderMetrics,
  badge: renderBadge,
}

export interface ReportOptions {
  readonly project?: string
  /** The latest where absent, killed ones included. */
  readonly run?: string
  /** Printed on stdout; where absent, the matrix is printed and every rendering is written again. */
  readonly format?: keyof typeof formats
  /** Also with style and script in files of their own. */
  readonly separate?: boolean
}

export async function runReport(options: ReportOptions, io: Io): Promise<number> {
  const reports = reportsFolder(options.project ?? io.cwd)
  const ids = runIds(reports)
  const id = options.run ?? ids.at(-1)
  if (id === undefined) {
    io.stderr(`matrix: there is no run in ${printable(reports)}; run matrix check first\n`)
    return exitCodes.usage
  }
  if (!isRunId(id) || !ids.includes(id)) {
    const known = ids.length === 0 ? 'none' : ids.slice(-5).join(', ')
    io.stderr(printable(`matrix: there is no run "${id}" in ${reports}; the last are ${known}\n`))
    return exitCodes.usage
  }
  const run = readRun(reports, id)
  const folder = runFolder(reports, id)
  if (run === null) {
    io.stderr(printable(`matrix: the journal ${folder.journal} cannot be read as a run\n`))
    return exitCodes.usage
  }
  if (options.format !== undefined) {
    io.stdout(formats[options.format](run, reports))
    return exitCodes.green
  }
  await writeFileAtomic(folder.record, renderJson(run))
  await writeReports(reports, run, (text) => io.stderr(printable(`matrix: ${text}\n`)))
  if (options.separate === true) await writeSeparate(reports, run)
  io.stdout(
    renderFinal(run, {
      columns: io.isTTY.stdout ? io.columns : 200,
      color: io.color,
      reportPath: relative(io.cwd, folder.html),
      timing: false,
      evidence: (ref) => readEvidence(folder.evidence, ref)?.toString('utf8') ?? null,
    }),
  )
  return exitCodes.green
}
