/** `matrix list`: prints the plan, and what is known of it, without starting anything or asking an engine. */
import { counted } from '../lib/counted.ts'
import { printable } from '../lib/printable.ts'
import { type HistoryLine, pastRuns, stripOf } from '../model/history.ts'
import type { Plan } from '../model/plan.ts'
import { lastAnswer } from '../model/staleness.ts'
import { limitNotes } from '../plan/limits.ts'
import { limitedBy } from '../plan/plan.ts'
import { readHistory } from '../record/history.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { type CellState, renderGrid, stateOf } from '../reporters/grid.ts'
import { type Io, tableWidth } from './io.ts'
import { type Limits, limitsOf } from './known-limits.ts'
import { loadPlan, type PlanArguments } from './load-plan.ts'
import { staleNotes, stalenessToday } from './today.ts'

export interface ListOptions extends PlanArguments {
  readonly json?: boolean
}

/** Cell → what it answered last. */
type Answers = ReadonlyMap<string, { readonly line: HistoryLine; readonly stale: string | null }>

/** Cells, builds, the graph of needs, exclusions, unsupported constraints. */
export async function runList(options: ListOptions, io: Io): Promise<number> {
  const loaded = await loadPlan(options, io)
  if (!loaded.ok) return loaded.exitCode
  const reports = reportsFolder(options.project ?? io.cwd)
  const known = await answersOf(loaded.plan, reports)
  const limits = limitsOf(loaded.plan.environments, { reports, io })
  const plan = limited(loaded.plan, limits)
  io.stdout(
    options.json === true
      ? `${JSON.stringify(planAsJson(plan, { known, limits }), null, 2)}\n`
      : planAsText(plan, { known, limits, io }),
  )
  return 0
}

interface Known {
  readonly known: Answers
  readonly limits: ReadonlyMap<string, Limits>
}

const limited = (plan: Plan, limits: Known['limits']): Plan => ({
  ...plan,
  cells: plan.cells.map((cell) =>
    cell.kind === 'run' ? limitedBy(cell, limits.get(cell.environment)?.unenforced ?? new Set()) : cell,
  ),
})

async function answersOf(plan: Plan, reports: string): Promise<Answers> {
  const runs = pastRuns(readHistory(reports))
  const staleness = await stalenessToday(plan, runs)
  const answers = plan.cells.flatMap(({ id }) => {
    const last = lastAnswer(stripOf(runs, id, runs.length), staleness)
    return last === null ? [] : [[id, last] as const]
  })
  return new Map(answers)
}

function planAsJson(plan: Plan, { known, limits }: Known): unknown {
  return {
    cells: plan.cells.map((cell) =>
      cell.kind === 'excluded'
        ? { id: cell.id, excluded: cell.reason }
        : {
            id: cell.id,
            last: lastAsJson(known.get(cell.id)),
            needs: needsOf(cell),
            unsupported: cell.unsupported,
            findings: cell.findings,
            checks: cell.checks.length,
          },
    ),
    builds: plan.builds.map((build) => ({ key: build.key, rows: build.rows, source: build.source })),
    environments: plan.environments.map(({ id }) => {
      const { isKnown: known = false, run = null } = limits.get(id) ?? {}
      return { id, limits: { known, run } }
    }),
  }
}

function lastAsJson(last: ReturnType<Answers['get']>): unknown {
  if (last === undefined) return null
  const { run, startedAt, outcome, waived } = last.line
  return { run, startedAt, outcome, waived: waived === true, stale: last.stale }
}

const needsOf = (cell: Extract<Plan['cells'][number], { kind: 'run' }>) =>
  cell.copies.filter((copy) => copy.role === 'need').map((copy) => ({ alias: copy.alias, row: copy.row }))

function planAsText(plan: Plan, { known, limits, io }: Known & { readonly io: Io }): string {
  const cells = new Map(plan.cells.map((cell) => [cell.id, cell]))
  const state = (row: string, column: string): CellState | null => {
    const cell = cells.get(`${row}@${column}`)
    if (cell === undefined) return null
    if (cell.kind === 'excluded') return 'excluded'
    const last = known.get(cell.id)
    if (last === undefined || last.stale !== null) return 'not-run'
    return stateOf(last.line.outcome, last.line.waived === true)
  }
  const grid = renderGrid(
    { rows: plan.rows.map(({ id }) => id), columns: plan.environments.map(({ id }) => id), state },
    { width: tableWidth(io), color: io.color },
  )
  const notes = staleNotes([...known].map(([cell, { stale }]) => ({ cell, stale })))
  const lines = [...(known.size === 0 ? [] : ['What each cell answered last']), ...notes, '']
  const runnable = plan.cells.filter((cell) => cell.kind === 'run')
  lines.push(
    `${counted(runnable.length, 'cell')} to run, ${plan.cells.length - runnable.length} excluded, ${counted(plan.builds.length, 'image')}`,
  )
  lines.push('', 'Images')
  for (const build of plan.builds) {
    const from =
      build.source.kind === 'image' ? build.source.reference : `${build.source.context}/${build.source.dockerfile}`
    lines.push(`  ${build.rows.join(', ')}: ${from}`)
  }
  lines.push('', 'Needs')
  for (const row of plan.rows) {
    const needs = row.needs.map((need) => (need.alias === need.row ? need.row : `${need.alias} (${need.row})`))
    lines.push(`  ${row.id}: ${needs.join(', ') || 'nothing'}`)
  }
  const excluded = plan.cells.filter((cell) => cell.kind === 'excluded')
  if (excluded.length > 0) lines.push('', 'Excluded', ...excluded.map((cell) => `  ${cell.id}: ${cell.reason}`))
  const told = runnable.flatMap(({ id, findings }) =>
    findings.filter(({ code }) => code !== 'unsupported').map(({ message }) => `${id}: ${message}`),
  )
  const remarks = [...limitNotes(plan, limits), ...new Set(told)]
  if (remarks.length > 0) lines.push('', 'To know', ...remarks.map((remark) => `  ${remark}`))
  return `${grid}\n${printable(lines.join('\n'))}\n`
}
