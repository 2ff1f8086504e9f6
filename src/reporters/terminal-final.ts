/** The end of a run for a reader: the matrix, why cells are not green, and a sentence. */
import { createColors } from 'picocolors'
import { oneLine, printable } from '../lib/printable.ts'
import type { BuildRecord, CellRecord, CheckRecord, EvidenceRef, RunRecord } from '../model/run-record.ts'
import { soonDays } from '../model/waiver.ts'
import { formatDuration } from './duration.ts'
import { renderExplanation } from './explanation.ts'
import { type CellState, paintOf, renderGrid, stateOf } from './grid.ts'
import { causesSentence, suspectSentences, troubleTold, unenforcedSentences, verdictSentence } from './sentence.ts'

export interface FinalOptions {
  readonly columns: number
  readonly color: boolean
  /** Where the report is, as the user should type it. */
  readonly reportPath: string
  readonly timing: boolean
  /** The text of a blob; null where it is not kept. */
  readonly evidence: (ref: EvidenceRef) => string | null
}

type Colors = ReturnType<typeof createColors>

const shownLogLines = 5
const shownCells = 8

export function renderFinal(run: RunRecord, options: FinalOptions): string {
  const colors = createColors(options.color)
  const states = new Map(run.cells.map((cell) => [cell.id, shownState(cell)]))
  const grid = renderGrid(
    {
      rows: run.stacks.map((row) => row.id),
      columns: run.environments.map((environment) => environment.id),
      state: (row, column) => states.get(`${row}@${column}`) ?? null,
    },
    { width: options.columns, color: options.color },
  )
  const lines = [grid, '']
  for (const build of run.builds) if (build.outcome !== 'pass') lines.push(...buildReason(build, { colors, options }))
  for (const cells of alike(run.cells)) lines.push(...cellReason(cells, { colors, options }))
  if (options.timing) lines.push(...timing(run), '')
  lines.push(...triedAgain(run), ...waiverLines(run))
  const { outcome } = run
  const state = outcome === 'pass' || outcome === 'fail' ? outcome : 'error'
  for (const sentence of suspectSentences(run)) lines.push(colors.bold(oneLine(sentence, 600)))
  const causes = causesSentence(run)
  if (causes !== null) lines.push(oneLine(causes, 600))
  for (const sentence of unenforcedSentences(run)) lines.push(colors.dim(oneLine(sentence, 600)))
  lines.push(paintOf(state, colors)(verdictSentence(run)), `Report: ${options.reportPath}`)
  return `${lines.join('\n')}\n`
}

const shownState = (cell: CellRecord): CellState => stateOf(cell.outcome, cell.waiver !== null)

/** Cells that are not green and show the same, together. */
function alike(cells: readonly CellRecord[]): readonly (readonly CellRecord[])[] {
  const groups = new Map<string, CellRecord[]>()
  for (const cell of cells) {
    if (cell.outcome === 'pass' || cell.outcome === 'excluded') continue
    const key = `${shownState(cell)} ${cell.signature ?? `${cell.reason} ${cell.message}`} ${cell.stack}`
    groups.set(key, [...(groups.get(key) ?? []), cell])
  }
  return [...groups.values()]
}

function cellReason(
  cells: readonly CellRecord[],
  look: { readonly colors: Colors; readonly options: FinalOptions },
): readonly string[] {
  const [cell] = cells
  if (cell === undefined) return []
  const { colors } = look
  const names = cells.slice(0, shownCells).map((one) => one.id)
  const more = cells.length > shownCells ? `, and ${cells.length - shownCells} more` : ''
  const where = cell.stage === null ? '' : ` at ${cell.stage}`
  const why = cell.reason === null ? '' : ` (${cell.reason})`
  const state = shownState(cell)
  const title = paintOf(state, colors)(cell.stale === undefined ? state : 'stale')
  const lines = [`${title}${where}${why}: ${names.join(', ')}${more}`]
  if (cell.message !== null) lines.push(`  ${oneLine(cell.message, 400)}`)
  if (cell.waiver !== null) {
    const { owner, expires, reason } = cell.waiver
    lines.push(`  waived by ${oneLine(owner)} until ${expires}: ${oneLine(reason)}`)
  }
  const flaky = cells.filter((one) => one.flaky).map((one) => one.id)
  if (flaky.length > 0) lines.push(`  flaky, for run again alone it passes: ${flaky.join(', ')}`)
  for (const check of cell.checks) {
    if (check.outcome === 'fail' || check.outcome === 'error') lines.push(...checkReason(check))
  }
  const explained = cells.find(({ explanation }) => explanation !== null)
  if (explained) {
    const why = renderExplanation(explained, { color: look.options.color, probes: false })
    lines.push(...why.map((line) => `  ${line}`))
  }
  lines.push(...firstEvidence(cell, look), '')
  return lines
}

function checkReason(check: CheckRecord): readonly string[] {
  const lines = [`  ✘ ${oneLine(check.name)} (${check.at})`]
  if (check.message !== null) lines.push(`    ${oneLine(check.message, 400)}`)
  if (check.expected !== null) lines.push(`    expected ${oneLine(JSON.stringify(check.expected), 300)}`)
  if (check.actual !== null) lines.push(`    found    ${oneLine(JSON.stringify(check.actual), 300)}`)
  return lines
}

function firstEvidence(
  cell: CellRecord,
  look: { readonly colors: Colors; readonly options: FinalOptions },
): readonly string[] {
  const ref = cell.evidence.find((one) => one.mediaType === 'text/plain' && one.sizeBytes > 0)
  return ref === undefined ? [] : quote(ref, look)
}

function buildReason(
  build: BuildRecord,
  look: { readonly colors: Colors; readonly options: FinalOptions },
): readonly string[] {
  const state = build.outcome === 'cancelled' ? 'cancelled' : build.outcome === 'fail' ? 'fail' : 'error'
  const lines = [`${paintOf(state, look.colors)(`build ${build.outcome}`)}: ${build.stack}`]
  if (build.step !== null) lines.push(`  ${oneLine(build.step, 300)}`)
  if (build.message !== null) lines.push(`  ${oneLine(build.message, 400)}`)
  const [log] = build.evidence
  if (log) lines.push(...quote(log, look))
  return [...lines, '']
}

/** The last lines of a text, and where the whole of it is. */
function quote(ref: EvidenceRef, look: { readonly colors: Colors; readonly options: FinalOptions }): readonly string[] {
  const text = look.options.evidence(ref)
  if (text === null || text.trim() === '') return []
  const lines = printable(text).trimEnd().split('\n')
  const last = lines.slice(-shownLogLines).map((line) => look.colors.dim(`    | ${oneLine(line, 300)}`))
  return [`  ${oneLine(ref.name)}, last lines (evidence/${ref.hash.slice(7, 19)}…):`, ...last]
}

/** Trouble that kept cells from an answer at first; a green cell says nothing of it elsewhere. */
function triedAgain(run: RunRecord): readonly string[] {
  const told = run.cells.flatMap(({ id, troubles }) => {
    const last = troubles.at(-1)
    if (last === undefined) return []
    return [`tried again${troubles.length > 1 ? ', twice' : ''}: ${id}, for ${troubleTold(last)}`]
  })
  return told.length === 0 ? [] : [...told, '']
}

const waiverStates: Readonly<Partial<Record<RunRecord['waivers'][number]['state'], string>>> = {
  ended: 'has ended',
  passing: 'covers what passes; remove it',
  'other-failure': 'covers another failure than the one that is there',
  absent: 'covers no cell of this run',
}

/** Waivers that ask for somebody. Of a part of the project, those that are not met say nothing. */
function waiverLines(run: RunRecord): readonly string[] {
  const told = run.waivers.flatMap((waiver) => {
    const { stack, environment } = waiver.match
    const what =
      waiver.state === 'absent' && run.selection === 'part'
        ? undefined
        : (waiverStates[waiver.state] ?? (waiver.daysLeft <= soonDays ? `ends on ${waiver.expires}` : undefined))
    return what === undefined ? [] : [`waiver of ${stack}@${environment} (${waiver.at}) ${what}`]
  })
  return told.length === 0 ? [] : [...told, '']
}

function timing(run: RunRecord): readonly string[] {
  const { makespanMs, lowerBoundMs, buildMs, distributeMs } = run.timing
  const totals = new Map<string, number>()
  for (const cell of run.cells) {
    for (const { name, durationMs } of cell.phases) {
      const kind = name.split(' ')[0] ?? name
      totals.set(kind, (totals.get(kind) ?? 0) + durationMs)
    }
  }
  const bound = lowerBoundMs === null ? '' : `, of which ${formatDuration(lowerBoundMs)} could not be shortened`
  return [
    `Time: ${formatDuration(makespanMs)}${bound}; builds ${formatDuration(buildMs)}, distribution ${formatDuration(distributeMs)}`,
    ...[...totals]
      .sort(([, a], [, b]) => b - a)
      .map(([name, ms]) => `  ${name.padEnd(14)} ${formatDuration(ms)} over all cells`),
  ]
}
