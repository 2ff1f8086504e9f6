/** `matrix diff A B`: what became of each cell between two runs, and what else changed between them. */
import { createColors } from 'picocolors'
import { oneLine, printable } from '../lib/printable.ts'
import { type CellState, type Change, changeOf, changes } from '../model/comparison.ts'
import { type Difference, differencesOf, runDifferences } from '../model/differences.ts'
import type { RunRecord } from '../model/run-record.ts'
import { exitCodes } from '../model/verdict.ts'
import { reportsFolder, runIds } from '../record/run-folder.ts'
import type { Io } from './io.ts'
import { readRun } from './read-run.ts'

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
  readonly before: string | null
  readonly after: string | null
  readonly message: string | null
  readonly differences: readonly Difference[]
}

export async function runDiff(options: DiffOptions, io: Io): Promise<number> {
  const reports = reportsFolder(options.project ?? io.cwd)
  const ids = runIds(reports)
  const to = findRun(options.to, ids, ids.at(-1))
  const toIndex = to === null ? -1 : ids.indexOf(to)
  const from = findRun(options.from, ids, toIndex > 0 ? ids[toIndex - 1] : undefined)
  const [before, after] = [from, to].map((id) => (id === null ? null : readRun(reports, id)))
  if (before == null || after == null) {
    const missing = after == null ? options.to : options.from
    const which = missing === undefined ? 'there are no two runs to compare' : `there is no run "${missing}"`
    io.stderr(printable(`matrix: ${which}; the last are ${ids.slice(-5).join(', ') || 'none'}\n`))
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

/** An id, or as much of its beginning as no other shares; null where there is none. */
function findRun(asked: string | undefined, ids: readonly string[], otherwise: string | undefined): string | null {
  if (asked === undefined) return otherwise ?? null
  const found = ids.filter((id) => id === asked || id.startsWith(asked))
  return found.length === 1 ? (found[0] ?? null) : null
}

function compared(before: RunRecord, after: RunRecord): readonly ChangedCell[] {
  const ids = [...new Set([...before.cells, ...after.cells].map((cell) => cell.id))]
  return ids.flatMap((id) => {
    const [was, is] = [before, after].map((run) => run.cells.find((cell) => cell.id === id) ?? null)
    const change = changeOf(stateOf(was ?? null), stateOf(is ?? null))
    if (change === null) return []
    return {
      cell: id,
      change,
      before: was?.outcome ?? null,
      after: is?.outcome ?? null,
      message: is?.message ?? null,
      differences: change === 'unchanged' ? [] : differencesOf(before, after, id),
    }
  })
}

function stateOf(cell: RunRecord['cells'][number] | null): CellState | null {
  if (cell === null) return null
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
  if (found.differences.length > 0) lines.push('', 'Also different', ...differenceLines(found.differences, '  '))
  return `${lines.join('\n')}\n`
}

function cellLines({ cell, before, after, message, differences }: ChangedCell): readonly string[] {
  const what = `  ${cell}: ${before ?? 'not there'} → ${after ?? 'not there'}`
  return [
    message === null ? what : `${what}, ${oneLine(message, 300)}`,
    ...(differences.length === 0 && before !== null && after !== null
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
