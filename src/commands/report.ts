/** `matrix report`: folds a run again from its journal and renders it, also one that was killed; or several as one. */
import { relative } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { printable } from '../lib/printable.ts'
import type { RunRecord } from '../model/run-record.ts'
import { asOf } from '../model/staleness.ts'
import { exitCodes } from '../model/verdict.ts'
import { readEvidence } from '../record/evidence-store.ts'
import { isRunId, reportsFolder, runFolder, runIds } from '../record/run-folder.ts'
import { renderJson } from '../reporters/json.ts'
import { renderFinal } from '../reporters/terminal-final.ts'
import { publish, tellChanges } from './after-night.ts'
import { enterGithubJob } from './github.ts'
import { type Io, tableWidth } from './io.ts'
import { mergeRuns } from './merge-runs.ts'
import { readRun } from './read-run.ts'
import { formats } from './renderings.ts'
import { stalenessIn } from './today.ts'
import { writeReports, writeSeparate } from './write-reports.ts'

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
    if (run === null) return exitCodes.usage
    const shown = asOf(run, await stalenessIn(project, io))
    return render(run, { shown, options, reports, io, exitCode: exitCodes.green })
  }
  if (options.run !== undefined) {
    io.stderr(printable(`matrix: ${options.run}: name the parts behind --merge, and no other run\n`))
    return exitCodes.usage
  }
  const github = enterGithubJob(io)
  const merged = await mergeRuns(reports, { parts: options.merge, project }, io)
  const code =
    merged === null ? exitCodes.usage : await render(merged.run, { shown: merged.run, options, reports, io, ...merged })
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
    /** What counts of it today. */
    readonly shown: RunRecord
    readonly options: ReportOptions
    readonly reports: string
    readonly io: Io
    readonly exitCode: number
  },
): Promise<number> {
  const { shown, options, reports, io, exitCode } = context
  const folder = runFolder(reports, run.id)
  const { format } = options
  if (format !== undefined && options.merge === undefined) {
    io.stdout(formats[format](run, shown, reports))
    return exitCode
  }
  // What is under way writes its record itself, and may do so just now.
  if (run.underWay !== true) await writeFileAtomic(folder.record, renderJson(run))
  await writeReports(reports, shown, (text) => io.stderr(printable(`matrix: ${text}\n`)))
  if (options.separate === true) await writeSeparate(reports, shown)
  if (format !== undefined) {
    io.stdout(formats[format](run, shown, reports))
    return exitCode
  }
  io.stdout(
    renderFinal(shown, {
      columns: tableWidth(io),
      color: io.color,
      reportPath: relative(io.workingFolder, folder.html),
      timing: false,
      evidence: (ref) => readEvidence(folder.evidence, ref)?.toString('utf8') ?? null,
    }),
  )
  return exitCode
}
