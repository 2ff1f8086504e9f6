/** `matrix history`: what each cell answered over the last runs, and whether its last answer can still be believed. */
import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'
import { createColors } from 'picocolors'
import { printable } from '../lib/printable.ts'
import { answers, flakeRate, type HistoryLine, type PastRun, pastRuns, stripOf } from '../model/history.ts'
import { lastAnswer, type Staleness } from '../model/staleness.ts'
import { readHistory } from '../record/history.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { type CellState, letters, paintOf, stateOf } from '../reporters/grid.ts'
import { type Io, tableWidth } from './io.ts'
import { loadPlan, type PlanArguments } from './load-plan.ts'
import { staleNotes, stalenessToday } from './today.ts'

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
  const staleness = await stalenessToday(plan, runs)
  const cells = plan.cells
    .filter((cell) => cell.kind === 'run')
    .map(({ id }) => historyOf(id, runs, { length: options.runs ?? defaultRuns, staleness }))
  io.stdout(options.json === true ? `${JSON.stringify({ cells: cells.map(plain) }, null, 2)}\n` : asText(cells, io))
  return 0
}

function historyOf(
  cell: string,
  runs: readonly PastRun[],
  options: { readonly length: number; readonly staleness: Staleness },
): CellHistory {
  const strip = stripOf(runs, cell, options.length)
  const last = lastAnswer(strip, options.staleness)
  return {
    cell,
    now: last === null || last.stale !== null ? '?' : last.line.outcome,
    stale: last?.stale ?? null,
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

/** Of the runs the last, as many as there is room for. */
function asText(cells: readonly CellHistory[], io: Io): string {
  const all = Math.max(fewestRuns, ...cells.map(({ strip }) => strip.length))
  const whole = tableOf(cells, { runs: all, color: io.color })
  const [line = ''] = whole.split('\n')
  const over = stripVTControlCharacters(line).length - tableWidth(io)
  const table = over > 0 ? tableOf(cells, { runs: Math.max(fewestRuns, all - over), color: io.color }) : whole
  return printableLines([table, legend, ...staleNotes(cells)])
}

/** Shown where there is no room for them, too. */
const fewestRuns = 5

function tableOf(cells: readonly CellHistory[], look: { readonly runs: number; readonly color: boolean }): string {
  const colors = createColors(look.color)
  const table = new Table({
    head: ['cell', 'now', 'runs', 'flaky', 'last pass'],
    style: { head: [], border: [], compact: true },
  })
  for (const { cell, now, strip, flakeRate: rate, lastPass } of cells) {
    const shown = strip.slice(-look.runs).map(shownState)
    const last = strip.findLast(answers)
    const state = now === '?' || last === undefined ? '?' : shownState(last)
    table.push([
      cell,
      state === '?' ? colors.dim('?') : paintOf(state, colors)(state),
      shown.map((one) => paintOf(one, colors)(letters[one])).join(''),
      rate === null || rate === 0 ? '' : `${Math.round(rate * 100)} %`,
      lastPass === null ? 'never' : `${lastPass.slice(0, 10)} ${lastPass.slice(11, 16)}`,
    ])
  }
  return table.toString()
}

const legend =
  'The last run is on the right. P pass  F fail  W fail, waived  E error  B blocked  C cancelled  ? not run'

const shownState = ({ outcome, waived }: HistoryLine): CellState => stateOf(outcome, waived === true)

const printableLines = (lines: readonly string[]): string => {
  const [table = '', ...notes] = lines
  return `${table}\n${printable(notes.join('\n'))}\n`
}
