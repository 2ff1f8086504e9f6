/** Makes the plan of a run: which cells there are, what each starts, and which images have to be built. */
import { createHash } from 'node:crypto'
import type { Copy, Finding, Plan, PlannedBuild, PlannedCell, RunnableCell } from '../model/plan.ts'
import type { Environment, ImageSource, Project, Row, StackRow } from '../model/project.ts'
import { type Atom, constraintAtoms, covers, impliedAtoms, limitName, networkAtoms } from './atoms.ts'
import { undelayed } from './delays.ts'
import { mergeConfig } from './merge.ts'

export interface PlanOptions {
  readonly chosen: (row: string, environment: string) => boolean
  /** Constraint keys or atoms that the engine of an environment is known not to enforce. */
  readonly unsupported: (environment: Environment) => ReadonlySet<string>
}

export function makePlan(project: Project, options: PlanOptions): Plan {
  const rows = new Map(project.rows.map((row) => [row.id, row]))
  const cells: PlannedCell[] = []
  for (const row of project.rows) {
    for (const environment of project.environments) {
      if (options.chosen(row.id, environment.id)) cells.push(planCell({ project, rows, row, environment, options }))
    }
  }
  const usedRows = new Set(cells.map((cell) => cell.row))
  const usedEnvironments = new Set(cells.map((cell) => cell.environment))
  return {
    project,
    rows: project.rows.filter((row) => usedRows.has(row.id)),
    environments: project.environments.filter((environment) => usedEnvironments.has(environment.id)),
    cells,
    builds: planBuilds(cells, rows),
  }
}

export function planCell(input: {
  readonly project: Project
  readonly rows: ReadonlyMap<string, Row>
  readonly row: Row
  readonly environment: Environment
  readonly options: PlanOptions
}): PlannedCell {
  const { row, environment } = input
  const id = `${row.id}@${environment.id}`
  const exclusion = input.project.exclusions.find(
    (entry) => entry.environment === environment.id && (entry.stack === row.id || entry.stack === row.base),
  )
  if (exclusion) return { kind: 'excluded', id, row: row.id, environment: environment.id, reason: exclusion.reason }

  const copies = planCopies(row, environment, input.rows)
  return limitedBy(
    {
      kind: 'run',
      id,
      row: row.id,
      environment: environment.id,
      copies,
      checks: row.checks,
      network: environment.network,
      contract: environment.contract,
      timeScale: environment.timeScale,
      required: environment.required,
      unsupported: [],
      findings: [...copies.flatMap((copy) => copy.config.findings), ...undelayed(environment.network, copies)],
      exclusive: row.exclusive,
    },
    input.options.unsupported(environment),
  )
}

/** The cell on an engine that does not enforce these keys or atoms: what it said of another engine before is taken back. */
export function limitedBy(cell: RunnableCell, unenforced: ReadonlySet<string>): RunnableCell {
  const limited = atomsOf(cell).filter((atom) => [...unenforced].some((name) => covers(name, limitName(atom))))
  const unsupported = [...new Set(limited.map((atom) => atom.key))]
  const findings: Finding[] = unsupported.map((atom) => ({
    code: 'unsupported',
    message: `${atom} is not enforced by the engine of ${cell.environment}`,
  }))
  return {
    ...cell,
    unsupported,
    findings: [...findings, ...cell.findings.filter(({ code }) => code !== 'unsupported')],
  }
}

/** What a cell's environment requires, and neither it nor the stack declares, so that nothing is there to be in force. */
export function undeclaredOf(cell: RunnableCell): readonly string[] {
  const atoms = atomsOf(cell)
  return cell.required.filter((name) => !atoms.some(({ key }) => covers(name, key)))
}

const atomsOf = ({ copies, network }: RunnableCell): readonly Atom[] => [
  ...copies.flatMap(({ config: { constraints } }) => [...constraintAtoms(constraints), ...impliedAtoms(constraints)]),
  ...networkAtoms(network),
]

/** Needs first, each once an alias, in an order in which everything comes after what it needs. */
function planCopies(row: Row, environment: Environment, rows: ReadonlyMap<string, Row>): readonly Copy[] {
  const copies = new Map<string, Copy>()
  const visit = (current: Row, alias: string, role: 'workload' | 'need') => {
    for (const need of current.needs) {
      const needed = rows.get(need.row)
      if (needed === undefined) throw new Error(`the loader let an unknown need through: ${need.row}`)
      if (!copies.has(need.alias)) visit(needed, need.alias, 'need')
    }
    if (current.kind === 'scenario') return
    copies.set(alias, {
      role,
      alias,
      row: current.id,
      buildKey: sourceKey(current.image),
      config: mergeConfig(current, environment, role),
      ...(current.readiness === undefined ? {} : { readiness: current.readiness }),
      after: current.needs.map((need) => need.alias),
    })
  }
  visit(row, row.base, 'workload')
  return [...copies.values()]
}

function planBuilds(cells: readonly PlannedCell[], rows: ReadonlyMap<string, Row>): readonly PlannedBuild[] {
  const builds = new Map<string, { source: ImageSource; rows: Set<string> }>()
  for (const cell of cells) {
    if (cell.kind !== 'run') continue
    for (const copy of cell.copies) {
      const build = builds.get(copy.buildKey) ?? { source: sourceOf(rows.get(copy.row)), rows: new Set<string>() }
      build.rows.add(copy.row)
      builds.set(copy.buildKey, build)
    }
  }
  return [...builds].map(([key, build]) => ({ key, source: build.source, rows: [...build.rows] }))
}

function sourceOf(row: Row | undefined): ImageSource {
  if (row?.kind !== 'stack') throw new Error('a copy runs a row without an image')
  return (row as StackRow).image
}

/** The same for sources that give the same image. */
function sourceKey(source: ImageSource): string {
  return createHash('sha256').update(canonicalJson(source)).digest('hex').slice(0, 16)
}

/** JSON with the keys of every object in order, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    entry !== null && typeof entry === 'object' && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  )
}
