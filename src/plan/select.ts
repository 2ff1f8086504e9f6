/** Which cells of the matrix a command line selects. */
import { didYouMean } from '../lib/nearest.ts'
import type { Project } from '../model/project.ts'

/** All empty: everything. `cells` are ids `row@environment`; a base id stands for all its variants. */
export interface Selection {
  readonly cells: readonly string[]
  readonly stacks: readonly string[]
  readonly environments: readonly string[]
  /** One of several parts of what is selected; the rows of a stack stay together, since they share its builds. */
  readonly shard?: Shard
}
/** `index` counts from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}
export type SelectionResult =
  | { readonly ok: true; readonly chosen: (row: string, environment: string) => boolean }
  | { readonly ok: false; readonly problems: readonly string[] }

export function select(project: Project, selection: Selection): SelectionResult {
  const rowIds = new Map<string, readonly string[]>()
  for (const row of project.rows) {
    rowIds.set(row.id, [row.id])
    if (row.base !== row.id) rowIds.set(row.base, [...(rowIds.get(row.base) ?? []), row.id])
  }
  const environmentIds = new Set(project.environments.map((environment) => environment.id))
  const problems: string[] = []
  const rowsOf = (name: string) => {
    const rows = rowIds.get(name)
    if (rows === undefined) problems.push(unknownName('stack', name, [...rowIds.keys()]))
    return rows ?? []
  }
  const filterFor = (name: string): string => {
    const isRow = project.rows.some((row) => row.id === name || row.base === name)
    const option = isRow ? '--stack' : environmentIds.has(name) ? '--env' : null
    return option === null ? '' : ` All of its cells: ${option} ${name}.`
  }
  const environmentOf = (name: string) => {
    if (!environmentIds.has(name)) problems.push(unknownName('environment', name, [...environmentIds]))
    return name
  }

  const rows = selection.stacks.flatMap(rowsOf)
  const environments = selection.environments.map(environmentOf)
  const cells = selection.cells.flatMap((cell) => {
    const at = cell.indexOf('@')
    if (at < 0) {
      problems.push(
        `"${cell}" is not a cell. A cell is written STACK@ENVIRONMENT, such as ${exampleCell(project)}.${filterFor(cell)}`,
      )
      return []
    }
    const environment = environmentOf(cell.slice(at + 1))
    return rowsOf(cell.slice(0, at)).map((row) => `${row}@${environment}`)
  })
  if (problems.length > 0) return { ok: false, problems: [...new Set(problems)] }
  const asked = (row: string, environment: string) =>
    (rows.length === 0 || rows.includes(row)) &&
    (environments.length === 0 || environments.includes(environment)) &&
    (cells.length === 0 || cells.includes(`${row}@${environment}`))
  const mine = rowsOfShard(project, selection.shard, asked)
  return { ok: true, chosen: (row, environment) => mine.has(row) && asked(row, environment) }
}

/** Stacks are dealt out in their order, so that every part knows its own without the others. */
function rowsOfShard(
  project: Project,
  shard: Shard | undefined,
  asked: (row: string, environment: string) => boolean,
): ReadonlySet<string> {
  const selected = project.rows.filter(({ id }) => project.environments.some((column) => asked(id, column.id)))
  const stacks = [...new Set(selected.map(({ base }) => base))]
  const isMine = (base: string) => shard === undefined || stacks.indexOf(base) % shard.count === shard.index - 1
  return new Set(selected.filter(({ base }) => isMine(base)).map(({ id }) => id))
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  return `there is no ${what} "${name}".${didYouMean(name, known)} There are: ${known.join(', ') || 'none'}.`
}

function exampleCell(project: Project): string {
  return `${project.rows[0]?.id ?? 'api'}@${project.environments[0]?.id ?? 'qa'}`
}
