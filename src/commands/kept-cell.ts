/** The containers that are there of one cell: those that `matrix check --keep-failed` left, or those of a run that lives. */
import { type Engine, EngineError } from '../engines/engine.ts'
import { ownIdentity } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import { exitCodes } from '../model/verdict.ts'
import { objectName } from '../run/labels.ts'
import { localEngine, projectHosts, statesOf } from './hosts.ts'
import type { Io } from './io.ts'
import { loadPlan } from './load-plan.ts'
import { OpenColumns } from './open-columns.ts'
import { lookForEngine, reportProblem } from './open-engine.ts'
import { neededSecrets, readSecrets } from './secrets.ts'

export interface KeptOptions {
  readonly project?: string
  /** `STACK@ENVIRONMENT` */
  readonly cell: string
  readonly engine?: string
}

export interface KeptContainer {
  readonly engine: Engine
  readonly id: string
  /** Its name on the cell's network. */
  readonly alias: string
}

export interface KeptCell {
  readonly cell: RunnableCell
  /** Of the last run that left any: what is needed first, the stack itself last. */
  readonly containers: readonly KeptContainer[]
  /** Values that must not be shown. */
  readonly secrets: readonly string[]
}

/** Starts no engine and no host; `use` is not called where nothing is kept, which is said. Gives the exit code. */
export async function withKeptCell(
  options: KeptOptions,
  io: Io,
  use: (kept: KeptCell) => Promise<number>,
): Promise<number> {
  const loaded = await loadPlan({ ...options, cells: [options.cell] }, io)
  if (!loaded.ok) return loaded.exitCode
  const { plan } = loaded
  const refuse = (problem: string) => {
    io.stderr(printable(`matrix: ${problem}\n`))
    return exitCodes.usage
  }
  const [cell, ...others] = plan.cells
  if (cell === undefined || others.length > 0) {
    return refuse(`${options.cell} is several cells; name one of ${plan.cells.map(({ id }) => id).join(', ')}`)
  }
  if (cell.kind === 'excluded') return refuse(`${cell.id} is excluded, so it never runs: ${cell.reason}`)
  const secrets = await readSecrets(plan.project, io, neededSecrets(plan))
  if (!secrets.ok) return refuse(secrets.problems.join('\nmatrix: '))
  const nothing = `nothing of ${cell.id} is kept; matrix check ${cell.id} --keep-failed leaves its containers where it fails`
  const found = await lookForEngine(options.engine, io)
  if (found.kind === 'refused') return reportProblem(found.problem, io)
  if (!(await isUp(plan, { found, io }))) return refuse(nothing)
  await using local = localEngine(found, io)
  await using columns = new OpenColumns({
    environments: plan.environments,
    local,
    root: plan.project.root,
    owner: ownIdentity(),
    mayInstall: false,
    io,
    progress: () => {},
    prepare: async () => {},
  })
  try {
    const engines = (await columns.of(cell.environment, io.signal)).map(({ engine }) => engine)
    const containers = await containersOf(cell, { engines, project: plan.project.id, io })
    if (containers.length === 0) return refuse(nothing)
    return await use({ cell, containers, secrets: [...secrets.values.values()] })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return reportProblem(
      { kind: 'machine', message: error.message, hint: error.hint ?? 'matrix doctor says more.' },
      io,
    )
  }
}

/** Whether the engine of the only environment answers, or may; what is down has nothing running in it. */
async function isUp(
  plan: Plan,
  context: { readonly found: Awaited<ReturnType<typeof lookForEngine>>; readonly io: Io },
): Promise<boolean> {
  const { found, io } = context
  const [environment] = plan.environments
  if (environment?.engine.kind === 'default') return found.kind === 'found'
  if (environment?.engine.kind !== 'provision') return true
  const hosts = await projectHosts([environment.id], io)
  await using local = localEngine(found, io)
  const states = await statesOf(hosts ?? [], { local, mayInstall: false, io })
  return states.some(({ status }) => status.state === 'up')
}

async function containersOf(
  cell: RunnableCell,
  context: { readonly engines: readonly Engine[]; readonly project: string; readonly io: Io },
): Promise<readonly KeptContainer[]> {
  const labels = { 'matrix.project': context.project, 'matrix.cell': cell.id }
  const all = await Promise.all(
    context.engines.map(async (engine) =>
      (await engine.list('container', labels, context.io)).map((container) => ({ engine, ...container })),
    ),
  )
  const own = all.flat().filter(({ labels: { 'matrix.role': role } }) => role === 'workload' || role === 'need')
  const runs = own.map((container) => container.labels['matrix.run'] ?? '').sort()
  const last = runs.at(-1) ?? ''
  return cell.copies.flatMap(({ alias }) => {
    const name = objectName({ run: last }, cell.id, alias)
    const container = own.find((one) => one.labels['matrix.run'] === last && one.name === name)
    return container === undefined ? [] : [{ engine: container.engine, id: container.id, alias }]
  })
}
