/** `matrix diff A B`: what became of each cell between two runs, and what else changed between them. */
import { createColors } from 'picocolors'
import { oneLine, printable } from '../lib/printable.ts'
import { type CellState, type Change, changeOf, changes } from '../model/comparison.ts'
import { type Difference, differencesOf, runDifferences } from '../model/differences.ts'
import type { CellOutcome } from '../model/outcome.ts'
import type { CellRecord, RunRecord } from '../model/run-record.ts'
import { exitCodes } from '../model/verdict.ts'
import { reportsFolder, runIds } from '../record/run-folder.ts'
import type { Io } from './io.ts'
import { isUnderWay, readRun } from './read-run.ts'

export interface DiffOptions {
  readonly project?: string
  /** Absent: the run before `to`. */
  readonly from?: string
  /** Absent: the last run. */
  readonly to?: string
  readonly json?: boolean
}

interface ChangedCell {
  readonly cell: string
  readonly change: Change
  readonly before: CellOutcome | null
  readonly after: CellOutcome | null
  readonly message: string | null
  readonly differences: readonly Difference[]
}

export async function runDiff(options: DiffOptions, io: Io): Promise<number> {
  const reports = reportsFolder(options.project ?? io.cwd)
  const ids = runIds(reports)
  const lastOf = (some: readonly string[]) => some.findLast((id) => !isUnderWay(reports, id))
  const to = findRun(options.to, ids, lastOf(ids))
  const from = to.ok ? findRun(options.from, ids, lastOf(ids.slice(0, ids.indexOf(to.run)))) : to
  if (!to.ok || !from.ok) {
    const problem = !to.ok ? to.problem : from.ok ? '' : from.problem
    const known = ids.length === 0 ? '; run matrix check first' : `; the last are ${ids.slice(-5).join(', ')}`
    io.stderr(printable(`matrix: ${problem}${known}\n`))
    return exitCodes.usage
  }
  const [before, after] = [readRun(reports, from.run), readRun(reports, to.run)]
  if (before === null || after === null) {
    const broken = before === null ? from.run : to.run
    io.stderr(printable(`matrix: the journal of ${broken} cannot be read, so there is nothing to compare\n`))
    return exitCodes.usage
  }
  const cells = compared(before, after)
  const differences = runDifferences(before, after)
  if (options.json === true) {
    const summary = Object.fromEntries(
      changes.map((change) => [change, cells.filter((one) => one.change === change).length]),
    )
    io.stdout(`${JSON.stringify({ from: before.id, to: after.id, summary, cells, differences }, null, 2)}\n`)
  } else {
    io.stdout(asText({ before, after, cells, differences }, io))
  }
  return exitCodes.green
}

type Found = { readonly ok: true; readonly run: string } | { readonly ok: false; readonly problem: string }

/** By an id, or as much of its beginning as no other shares. */
function findRun(asked: string | undefined, ids: readonly string[], otherwise: string | undefined): Found {
  if (asked === undefined) {
    return otherwise === undefined
      ? { ok: false, problem: 'there are no two runs to compare' }
      : { ok: true, run: otherwise }
  }
  const [found, ...others] = ids.filter((id) => id.startsWith(asked))
  if (found === undefined) return { ok: false, problem: `there is no run "${asked}"` }
  if (others.length > 0) return { ok: false, problem: `${1 + others.length} runs begin with "${asked}"` }
  return { ok: true, run: found }
}

/** Null: one of the runs was not asked for the cell, so nothing became of it. */
const cellOf = (run: RunRecord, id: string) =>
  run.cells.find((cell) => cell.id === id) ?? (run.selection === 'part' ? null : undefined)

const allCells = (before: RunRecord, after: RunRecord): readonly string[] => [
  ...new Set([...before.cells, ...after.cells].map((cell) => cell.id)),
]

function compared(before: RunRecord, after: RunRecord): readonly ChangedCell[] {
  return allCells(before, after).flatMap((id) => {
    const [was, is] = [cellOf(before, id), cellOf(after, id)]
    if (was === null || is === null) return []
    const change = changeOf(stateOf(was), stateOf(is))
    if (change === null) return []
    return {
      cell: id,
      change,
      before: was?.outcome ?? null,
      after: is?.outcome ?? null,
      message: is?.message ?? null,
      differences: change !== 'unchanged' && ranTwice(was, is) ? differencesOf(before, after, id) : [],
    }
  })
}

/** Of a cell that did not run nothing is known that could be compared. */
const didRun = (outcome: CellOutcome | null): boolean =>
  outcome !== null && outcome !== 'not-run' && outcome !== 'cancelled'

const ranTwice = (was: CellRecord | undefined, is: CellRecord | undefined): boolean =>
  didRun(was?.outcome ?? null) && didRun(is?.outcome ?? null)

function stateOf(cell: CellRecord | undefined): CellState | null {
  if (cell === undefined) return null
  const { outcome, reason, signature } = cell
  return { outcome, reason, signature, waived: cell.waiver !== null }
}

const shownDifferences = 12

function asText(
  found: {
    readonly before: RunRecord
    readonly after: RunRecord
    readonly cells: readonly ChangedCell[]
    readonly differences: readonly Difference[]
  },
  io: Io,
): string {
  const colors = createColors(io.color)
  const lines = [`From ${found.before.id} to ${found.after.id}`, '']
  for (const change of changes) {
    const cells = found.cells.filter((cell) => cell.change === change)
    if (cells.length === 0) continue
    lines.push(colors.bold(`${change} ${cells.length}`))
    if (change !== 'unchanged') lines.push(...cells.flatMap(cellLines))
  }
  const { before, after } = found
  const aside = allCells(before, after).filter((id) => cellOf(before, id) === null || cellOf(after, id) === null)
  if (aside.length > 0) lines.push(`not compared ${aside.length}, of which one of the runs was not asked`)
  if (found.differences.length > 0) lines.push('', 'Also different', ...differenceLines(found.differences, '  '))
  return `${lines.join('\n')}\n`
}

function cellLines({ cell, before, after, message, differences }: ChangedCell): readonly string[] {
  const what = `  ${cell}: ${before ?? 'not there'} → ${after ?? 'not there'}`
  return [
    message === null ? what : `${what}, ${oneLine(message, 300)}`,
    ...(differences.length === 0 && didRun(before) && didRun(after)
      ? ['      nothing that it depends on changed: drift, or a flake']
      : differenceLines(differences, '      ')),
  ]
}

function differenceLines(differences: readonly Difference[], indent: string): readonly string[] {
  const shown = differences
    .slice(0, shownDifferences)
    .map(({ what, before, after }) => `${indent}${oneLine(what)}: ${told(before)} → ${told(after)}`)
  const more = differences.length - shownDifferences
  return more > 0 ? [...shown, `${indent}and ${more} more`] : shown
}

const told = (value: string | null): string => (value === null ? '–' : oneLine(value, 120))
