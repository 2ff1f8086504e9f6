/** `matrix report`: folds a run again from its journal and renders it, also one that was killed; or several as one. */
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
import { publish, tellChanges } from './after-night.ts'
import { enterGithubJob } from './github.ts'
import type { Io } from './io.ts'
import { mergeRuns } from './merge-runs.ts'
import { readRun } from './read-run.ts'
import { htmlContext } from './report-context.ts'
import { writeReports, writeSeparate } from './write-reports.ts'

export const formats = {
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
  /** Run ids or folders: the parts of one run, which are made one and rendered. */
  readonly merge?: readonly string[]
}

export async function runReport(options: ReportOptions, io: Io): Promise<number> {
  const project = options.project ?? io.cwd
  const reports = reportsFolder(project)
  if (options.merge === undefined) {
    const run = namedRun(options.run, reports, io)
    return run === null ? exitCodes.usage : render(run, { options, reports, io, exitCode: exitCodes.green })
  }
  if (options.run !== undefined) {
    io.stderr(printable(`matrix: ${options.run}: name the parts behind --merge, and no other run\n`))
    return exitCodes.usage
  }
  const github = enterGithubJob(io)
  const merged = await mergeRuns(reports, { parts: options.merge, project }, io)
  const code = merged === null ? exitCodes.usage : await render(merged.run, { options, reports, io, ...merged })
  await github?.end(merged?.run ?? null)
  if (merged !== null) {
    publish(reports, merged.run)
    await tellChanges(merged.run, { options, io, reports })
  }
  return code
}

/** Null where there is no such run, which is said. */
function namedRun(name: string | undefined, reports: string, io: Io): RunRecord | null {
  const ids = runIds(reports)
  const id = name ?? ids.at(-1)
  if (id === undefined) {
    io.stderr(`matrix: there is no run in ${printable(reports)}; run matrix check first\n`)
    return null
  }
  if (!isRunId(id) || !ids.includes(id)) {
    const known = ids.length === 0 ? 'none' : ids.slice(-5).join(', ')
    io.stderr(printable(`matrix: there is no run "${id}" in ${reports}; the last are ${known}\n`))
    return null
  }
  const run = readRun(reports, id)
  const { journal } = runFolder(reports, id)
  if (run === null) io.stderr(printable(`matrix: the journal ${journal} cannot be read as a run\n`))
  return run
}

async function render(
  run: RunRecord,
  context: {
    readonly options: ReportOptions
    readonly reports: string
    readonly io: Io
    readonly exitCode: number
  },
): Promise<number> {
  const { options, reports, io, exitCode } = context
  const folder = runFolder(reports, run.id)
  if (options.format !== undefined && options.merge === undefined) {
    io.stdout(formats[options.format](run, reports))
    return exitCode
  }
  await writeFileAtomic(folder.record, renderJson(run))
  await writeReports(reports, run, (text) => io.stderr(printable(`matrix: ${text}\n`)))
  if (options.separate === true) await writeSeparate(reports, run)
  if (options.format !== undefined) {
    io.stdout(formats[options.format](run, reports))
    return exitCode
  }
  io.stdout(
    renderFinal(run, {
      columns: io.isTTY.stdout ? io.columns : 200,
      color: io.color,
      reportPath: relative(io.cwd, folder.html),
      timing: false,
      evidence: (ref) => readEvidence(folder.evidence, ref)?.toString('utf8') ?? null,
    }),
  )
  return exitCode
}
