/** What the engines of a plan do not enforce, in words: a line a column. */
import { counted } from '../lib/counted.ts'
import type { Plan, RunnableCell } from '../model/plan.ts'
import { covers } from './atoms.ts'

/** More rows than these are counted, and not named. */
const namedRows = 3

/** Atoms that concern the same cells stand together; columns of which nothing is to say have no line. */
export function limitNotes(plan: Plan): readonly string[] {
  return plan.environments.flatMap(({ id, required }) => {
    const cells = plan.cells.flatMap((cell) => (cell.kind === 'run' && cell.environment === id ? [cell] : []))
    const isRequired = (atom: string) => required.some((name) => covers(name, atom))
    const parts = [
      ...alike(cells, (atom) => !isRequired(atom)).map(([atoms, where]) => `${atoms} (${where})`),
      ...alike(cells, isRequired).map(([atoms, where]) => `${atoms} (${where}: required, so that this is an error)`),
    ]
    return parts.length === 0 ? [] : [`${id}: its engine does not enforce ${parts.join('; ')}`]
  })
}

/** Which atoms concern which cells, in words. */
function alike(cells: readonly RunnableCell[], chosen: (atom: string) => boolean): readonly [string, string][] {
  const rowsOf = new Map<string, string[]>()
  for (const { row, unsupported } of cells) {
    for (const atom of unsupported.filter(chosen)) rowsOf.set(atom, [...(rowsOf.get(atom) ?? []), row])
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
