/** `matrix list`: prints the plan without starting anything. */
import Table from 'cli-table3'
import { printable } from '../lib/printable.ts'
import type { Plan } from '../model/plan.ts'
import type { Io } from './io.ts'
import { loadPlan, type PlanArguments } from './load-plan.ts'

export interface ListOptions extends PlanArguments {
  readonly json?: boolean
}

/** Cells, builds, the graph of needs, exclusions, unsupported constraints. */
export async function runList(options: ListOptions, io: Io): Promise<number> {
  const loaded = await loadPlan(options, io)
  if (!loaded.ok) return loaded.exitCode
  io.stdout(options.json === true ? `${JSON.stringify(planAsJson(loaded.plan), null, 2)}\n` : planAsText(loaded.plan))
  return 0
}

function planAsJson(plan: Plan): unknown {
  return {
    cells: plan.cells.map((cell) =>
      cell.kind === 'excluded'
        ? { id: cell.id, excluded: cell.reason }
        : {
            id: cell.id,
            needs: needsOf(cell),
            unsupported: cell.unsupported,
            findings: cell.findings,
            checks: cell.checks.length,
          },
    ),
    builds: plan.builds.map((build) => ({ key: build.key, rows: build.rows, source: build.source })),
  }
}

const needsOf = (cell: Extract<Plan['cells'][number], { kind: 'run' }>) =>
  cell.copies.filter((copy) => copy.role === 'need').map((copy) => ({ alias: copy.alias, row: copy.row }))

function planAsText(plan: Plan): string {
  const columns = plan.environments.map((environment) => environment.id)
  const table = new Table({ head: ['', ...columns], style: { head: [], border: [], compact: true } })
  for (const row of plan.rows) {
    table.push([
      row.id,
      ...columns.map((environment) => {
        const cell = plan.cells.find((candidate) => candidate.row === row.id && candidate.environment === environment)
        return cell === undefined ? '' : cell.kind === 'excluded' ? 'excluded' : '?'
      }),
    ])
  }
  const lines = [table.toString(), '']
  const runnable = plan.cells.filter((cell) => cell.kind === 'run')
  lines.push(
    `${runnable.length} cells to run, ${plan.cells.length - runnable.length} excluded, ${plan.builds.length} images`,
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
  const remarks = [
    ...new Set(runnable.flatMap((cell) => cell.findings.map((finding) => `  ${cell.id}: ${finding.message}`))),
  ]
  if (remarks.length > 0) lines.push('', 'To know', ...remarks)
  return `${printable(lines.join('\n'))}\n`
}
