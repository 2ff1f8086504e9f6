/** From a folder and a selection to a plan, or to what is wrong with them on stderr. */
import { loadProject } from '../config/load.ts'
import { renderDiagnostic } from '../config/render-diagnostic.ts'
import type { Plan } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import { makePlan } from '../plan/plan.ts'
import { type Shard, select } from '../plan/select.ts'
import type { Io } from './io.ts'
import { knownLimits } from './known-limits.ts'

export interface PlanArguments {
  /** Folder of the project; the working directory where absent. */
  readonly project?: string
  readonly cells?: readonly string[]
  readonly stack?: readonly string[]
  readonly env?: readonly string[]
  readonly shard?: Shard
}

export type LoadedPlan = { readonly ok: true; readonly plan: Plan } | { readonly ok: false; readonly exitCode: 2 }

export async function loadPlan(
  options: PlanArguments,
  io: Io,
  narrow: { readonly only?: ReadonlySet<string>; readonly change?: (project: Project) => Project } = {},
): Promise<LoadedPlan> {
  const loaded = await loadProject(options.project ?? io.cwd, { env: io.env })
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics
  for (const diagnostic of diagnostics) io.stderr(`${renderDiagnostic(diagnostic, { color: io.color })}\n\n`)
  if (!loaded.ok) {
    const count = loaded.diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length
    io.stderr(`${count} ${count === 1 ? 'mistake' : 'mistakes'}; nothing was started.\n`)
    return { ok: false, exitCode: 2 }
  }
  const project = narrow.change?.(loaded.project) ?? loaded.project
  const selection = select(project, {
    cells: options.cells ?? [],
    stacks: options.stack ?? [],
    environments: options.env ?? [],
    ...(options.shard === undefined ? {} : { shard: options.shard }),
  })
  if (!selection.ok) {
    for (const problem of selection.problems) io.stderr(`matrix: ${problem}\n`)
    return { ok: false, exitCode: 2 }
  }
  const plan = makePlan(project, {
    chosen: (row, environment) =>
      selection.chosen(row, environment) && (narrow.only === undefined || narrow.only.has(`${row}@${environment}`)),
    unsupported: (environment) => knownLimits(environment.engine),
  })
  if (plan.cells.length === 0) {
    io.stderr('matrix: nothing is selected; no cell is both in the rows and in the columns that were asked for.\n')
    return { ok: false, exitCode: 2 }
  }
  return { ok: true, plan }
}
