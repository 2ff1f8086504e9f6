/** `matrix history`: what each cell answered over the last runs, and whether its last answer can still be believed. */
import Table from 'cli-table3'
import { createColors } from 'picocolors'
import { systemClock } from '../lib/clock.ts'
import { printable } from '../lib/printable.ts'
import { flakeRate, type HistoryLine, type PastRun, pastRuns, staleness, stripOf } from '../model/history.ts'
import { readHistory } from '../record/history.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { letters, paintOf } from '../reporters/grid.ts'
import { declarations } from './declarations.ts'
import type { Io } from './io.ts'
import { loadPlan, type PlanArguments } from './load-plan.ts'

export interface HistoryOptions extends PlanArguments {
  readonly runs?: number
  readonly json?: boolean
}

const defaultRuns = 30

interface CellHistory {
  readonly cell: string
  /** `?` where no run answered, or the answer is stale. */
  readonly now: HistoryLine['outcome'] | '?'
  /** Why an earlier answer does not count any more. */
  readonly stale: string | null
  readonly lastPass: string | null
  readonly flakeRate: number | null
  readonly strip: readonly HistoryLine[]
}

export async function runHistory(options: HistoryOptions, io: Io): Promise<number> {
  const loaded = await loadPlan(options, io)
  if (!loaded.ok) return loaded.exitCode
  const { plan } = loaded
  const runs = pastRuns(readHistory(reportsFolder(options.project ?? io.cwd)))
  const declared = await declarations(plan)
  const nowMs = Date.parse(systemClock.wall())
  const { maxAgeMs } = plan.project.history
  const cells = plan.cells
    .filter((cell) => cell.kind === 'run')
    .map(({ id }) =>
      historyOf(id, runs, {
        length: options.runs ?? defaultRuns,
        stale: (line) => staleness(line, { nowMs, maxAgeMs, declared: declared.get(id) ?? null })?.message ?? null,
      }),
    )
  io.stdout(options.json === true ? `${JSON.stringify({ cells: cells.map(plain) }, null, 2)}\n` : asText(cells, io))
  return 0
}

function historyOf(
  cell: string,
  runs: readonly PastRun[],
  options: { readonly length: number; readonly stale: (line: HistoryLine) => string | null },
): CellHistory {
  const strip = stripOf(runs, cell, options.length)
  const last = strip.findLast((line) => line.outcome !== 'not-run' && line.outcome !== 'cancelled')
  const stale = last === undefined ? null : options.stale(last)
  return {
    cell,
    now: last === undefined || stale !== null ? '?' : last.outcome,
    stale,
    lastPass: strip.findLast((line) => line.outcome === 'pass')?.startedAt ?? null,
    flakeRate: flakeRate(strip),
    strip,
  }
}

const plain = (history: CellHistory) => ({
  ...history,
  strip: history.strip.map(({ run, startedAt, outcome, signature, durationMs, waived, flaky }) => ({
    run,
    startedAt,
    outcome,
    signature,
    durationMs,
    waived: waived === true,
    flaky: flaky === true,
  })),
})

function asText(cells: readonly CellHistory[], io: Io): string {
  const colors = createColors(io.color)
  const table = new Table({
    head: ['cell', 'now', 'runs, the last on the right', 'flaky', 'last pass'],
    style: { head: [], border: [], compact: true },
  })
  for (const { cell, now, strip, flakeRate: rate, lastPass } of cells) {
    const marks = strip.map((line) => paintOf(line.outcome, colors)(letters[line.outcome])).join('')
    table.push([
      cell,
      now === '?' ? colors.dim('?') : paintOf(now, colors)(now),
      marks,
      rate === null || rate === 0 ? '' : `${Math.round(rate * 100)} %`,
      lastPass === null ? 'never' : `${lastPass.slice(0, 10)} ${lastPass.slice(11, 16)}`,
    ])
  }
  const stale = cells.filter((cell) => cell.stale !== null)
  const reasons = [...new Set(stale.map((cell) => cell.stale))]
  const notes = reasons.map((why) => {
    const of = stale.filter((cell) => cell.stale === why).map((cell) => cell.cell)
    return `? ${why}: ${of.slice(0, 5).join(', ')}${of.length > 5 ? `, and ${of.length - 5} more` : ''}`
  })
  return printableLines([table.toString(), 'P pass  F fail  E error  B blocked  C cancelled  ? not run', ...notes])
}

const printableLines = (lines: readonly string[]): string => {
  const [table = '', ...notes] = lines
  return `${table}\n${printable(notes.join('\n'))}\n`
}
