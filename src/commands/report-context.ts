/** What an HTML report needs beside the run: earlier runs, what changed since a cell last passed, style and script. */
import { readFileSync } from 'node:fs'
import { differencesOf, type SincePass } from '../model/differences.ts'
import { historyLineOf, type PastRun, pastRuns } from '../model/history.ts'
import type { RunRecord } from '../model/run-record.ts'
import { asObserved } from '../model/staleness.ts'
import { readEvidence } from '../record/evidence-store.ts'
import { readHistory } from '../record/history.ts'
import { readRequirements } from '../record/requirements.ts'
import { runFolder } from '../record/run-folder.ts'
import type { HtmlContext } from '../reporters/html/view.ts'
import { readRun } from './read-run.ts'

/** @param shown the run, or what still counts of it */
export function htmlContext(reports: string, shown: RunRecord): HtmlContext {
  const run = { ...shown, cells: shown.cells.map(asObserved) }
  const earlier = pastRuns(readHistory(reports)).filter(
    (past) => past.run !== run.id && past.startedAt <= run.startedAt,
  )
  const folder = runFolder(reports, run.id)
  return {
    runs: [...earlier, asPastRun(run)],
    since: sinceLastPass(run, { reports, earlier }),
    requirements: readRequirements(reports),
    evidence: (ref) => readEvidence(folder.evidence, ref)?.toString('utf8') ?? null,
    assets: readAssets(),
  }
}

/** The run itself as one of the past; a killed one never came into the history. */
function asPastRun(run: RunRecord): PastRun {
  const { id, startedAt, selection } = run
  const part = selection === 'part'
  const sizes = new Map(run.stacks.map((row) => [row.id, row.image?.sizeBytes ?? null]))
  const lines = run.cells.map((cell) =>
    historyLineOf(cell, { id, startedAt, part, imageBytes: sizes.get(cell.stack) ?? null }),
  )
  return { run: id, startedAt, part, cells: new Map(lines.map((line) => [line.cell, line])) }
}

const failing = new Set(['fail', 'error', 'blocked'])

function sinceLastPass(
  run: RunRecord,
  context: { readonly reports: string; readonly earlier: readonly PastRun[] },
): ReadonlyMap<string, SincePass> {
  const records = new Map<string, RunRecord | null>([[run.id, run]])
  const recordOf = (id: string): RunRecord | null => {
    const known = records.get(id)
    if (known !== undefined) return known
    const read = readRun(context.reports, id)
    records.set(id, read)
    return read
  }
  const found = new Map<string, SincePass>()
  for (const cell of run.cells) {
    if (!failing.has(cell.outcome)) continue
    const passedAt = context.earlier.findLastIndex((past) => past.cells.get(cell.id)?.outcome === 'pass')
    const passed = context.earlier[passedAt]
    if (passed === undefined) continue
    const after = context.earlier.slice(passedAt + 1)
    const failed = after.find((past) => failing.has(past.cells.get(cell.id)?.outcome ?? '')) ?? asPastRun(run)
    const [before, then] = [recordOf(passed.run), recordOf(failed.run)]
    found.set(cell.id, {
      passed: { run: passed.run, startedAt: passed.startedAt },
      failed: { run: failed.run, startedAt: failed.startedAt },
      differences: before === null || then === null ? null : differencesOf(before, then, cell.id),
    })
  }
  return found
}

/** They lie beside the program's own files, where the build put them. */
export function readAssets(): HtmlContext['assets'] {
  const read = (name: string) => readFileSync(new URL(`report/${name}`, import.meta.url), 'utf8')
  return { style: read('report.css'), script: read('island.js') }
}
