/** From a folder and a selection to a plan, or to what is wrong with them on stderr. */
import { loadProject } from '../config/load.ts'
import { renderDiagnostic } from '../config/render-diagnostic.ts'
import { counted } from '../lib/counted.ts'
import type { Plan } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import { makePlan } from '../plan/plan.ts'
import { type Selection, type Shard, select } from '../plan/select.ts'
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

export interface Planned {
  readonly plan: Plan
  /** Which of several parts the plan is; null where it is not one. */
  readonly shard: Shard | null
  /** The plan of all parts together; the plan itself where it is none. */
  readonly whole: Plan
}

export type LoadedPlan = ({ readonly ok: true } & Planned) | { readonly ok: false; readonly exitCode: 2 }

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
    io.stderr(`${counted(count, 'mistake')}; nothing was started.\n`)
    return { ok: false, exitCode: 2 }
  }
  const project = narrow.change?.(loaded.project) ?? loaded.project
  const shard = options.shard ?? null
  const asked = { cells: options.cells ?? [], stacks: options.stack ?? [], environments: options.env ?? [] }
  const planOf = (selection: Selection): Plan | null => {
    const selected = select(project, selection)
    if (!selected.ok) {
      for (const problem of selected.problems) io.stderr(`matrix: ${problem}\n`)
      return null
    }
    return makePlan(project, {
      chosen: (row, environment) =>
        selected.chosen(row, environment) && (narrow.only === undefined || narrow.only.has(`${row}@${environment}`)),
      unsupported: (environment) => knownLimits(environment.engine),
    })
  }
  const whole = planOf(asked)
  const plan = whole === null || shard === null ? whole : planOf({ ...asked, shard })
  if (whole === null || plan === null) return { ok: false, exitCode: 2 }
  if (plan.cells.length === 0) {
    io.stderr('matrix: nothing is selected; no cell is both in the rows and in the columns that were asked for.\n')
    return { ok: false, exitCode: 2 }
  }
  return { ok: true, plan, shard, whole }
}
