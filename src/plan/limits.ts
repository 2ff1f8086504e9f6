/** What the engines of a plan do not enforce, in words: a line a column. */
import { counted } from '../lib/counted.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import { covers } from './atoms.ts'
import { undeclaredOf } from './plan.ts'

/** More rows than these are counted, and not named. */
const namedRows = 3

/** Where what is known of the engines of a column comes from. */
export interface LimitSource {
  /** False where one of them was met by no run yet. */
  readonly isKnown: boolean
  /** The run that met them; null where the plan says it, or nothing does. */
  readonly run: string | null
  /** How many they are. */
  readonly engines: number
}

/** Atoms that concern the same cells stand together; columns of which nothing is to say have no line. */
export function limitNotes(plan: Plan, sources: ReadonlyMap<string, LimitSource>): readonly string[] {
  const unknown = plan.environments.filter(({ id }) => sources.get(id)?.isKnown === false).map(({ id }) => id)
  const lines = plan.environments.flatMap(({ id, required }) => {
    const cells = plan.cells.flatMap((cell) => (cell.kind === 'run' && cell.environment === id ? [cell] : []))
    const isRequired = (atom: string) => required.some((name) => covers(name, atom))
    const unsupported = (chosen: (atom: string) => boolean) => alike(cells, (cell) => cell.unsupported.filter(chosen))
    const parts = [
      ...unsupported((atom) => !isRequired(atom)).map(([atoms, where]) => `${atoms} (${where})`),
      ...unsupported(isRequired).map(([atoms, where]) => `${atoms} (${where}: required, so that this is an error)`),
    ]
    const undeclared = alike(cells, undeclaredOf).map(
      ([atoms, where]) => `${id}: it requires ${atoms}, which nobody declares for ${where}: an error`,
    )
    const { engines = 1, run = null } = sources.get(id) ?? {}
    const who = engines > 1 ? 'not every engine of it enforces' : 'its engine does not enforce'
    const since = run === null ? '' : `, as ${run} found it`
    return [...(parts.length === 0 ? [] : [`${id}: ${who} ${parts.join('; ')}${since}`]), ...undeclared]
  })
  if (unknown.length === 0) return lines
  return [...lines, `${unknown.join(', ')}: what the engine does not enforce is not known until a run has met it`]
}

/** Which atoms concern which cells, in words. */
function alike(
  cells: readonly RunnableCell[],
  atomsOf: (cell: RunnableCell) => readonly string[],
): readonly [string, string][] {
  const rowsOf = new Map<string, string[]>()
  for (const cell of cells) {
    for (const atom of atomsOf(cell)) rowsOf.set(atom, [...(rowsOf.get(atom) ?? []), cell.row])
  }
  const groups = new Map<string, string[]>()
  for (const [atom, rows] of rowsOf) {
    const where = whereInWords(rows, cells.length)
    groups.set(where, [...(groups.get(where) ?? []), atom])
  }
  return [...groups].map(([where, atoms]) => [atoms.join(', '), where])
}

function whereInWords(rows: readonly string[], all: number): string {
  if (rows.length <= namedRows) return rows.join(', ')
  return rows.length === all ? `all ${counted(all, 'cell')}` : `${rows.length} of ${counted(all, 'cell')}`
}
