/** The first event of a run: what it is to run and, where it is one of several parts, what all of them are. */
import type { PlannedRun, RunStarted } from '../model/event.ts'
import type { Plan } from '../model/plan.ts'
import { buildName } from '../run/images.ts'
import { declarations } from './declarations.ts'
import type { Planned } from './load-plan.ts'
import { tool } from './version.ts'

export async function runStarted(
  { plan, whole, shard }: Planned,
  options: { readonly run: string; readonly startedAt: string; readonly expected: ReadonlyMap<string, number> },
): Promise<RunStarted> {
  const { run, startedAt, expected } = options
  const declared = await declarations(whole)
  const all = plannedRun(whole, { expected, declared })
  const started = { type: 'run-started', run, startedAt, tool } as const
  if (shard === null) return { ...started, ...all }
  const { index, count } = shard
  return { ...started, ...plannedRun(plan, { expected, declared }), selection: 'part', shard: { index, count, all } }
}

function plannedRun(
  plan: Plan,
  known: { readonly expected: ReadonlyMap<string, number>; readonly declared: ReadonlyMap<string, string> },
): PlannedRun {
  const { rows, environments } = plan.project
  return {
    rows: plan.rows.map(({ id, base, title, kind }) => ({ id, base, title, kind, image: null })),
    environments: plan.environments.map(({ id, title }) => ({ id, title })),
    cells: plan.cells.map((cell) => ({
      id: cell.id,
      stack: cell.row,
      environment: cell.environment,
      excluded: cell.kind === 'excluded' ? cell.reason : null,
      findings: cell.kind === 'excluded' ? [] : cell.findings,
      expectedMs: known.expected.get(cell.id) ?? null,
      ...(known.declared.has(cell.id) ? { declared: known.declared.get(cell.id) ?? '' } : {}),
    })),
    builds: plan.builds.map((build) => ({ stack: buildName(plan, build) })),
    selection: plan.cells.length < rows.length * environments.length ? 'part' : 'whole',
  }
}
