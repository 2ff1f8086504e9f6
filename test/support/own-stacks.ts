/** Projects of the project's own stacks and environments: whole, or with parts of them broken. */
import { readdirSync, readFileSync } from 'node:fs'
import type { CellRecord } from '../../src/model/run-record.ts'

const root = new URL('../..', import.meta.url).pathname

type Files = Readonly<Record<string, string>>

/** The files of these stacks, as a project of its own has them. */
export const ownStacks = (ids: readonly string[] = readdirSync(`${root}stacks`)): Files =>
  Object.assign({}, ...ids.map((id) => filesBelow(`stacks/${id}`)))

/** The environments of the slide. */
export const ownEnvironments = (): Files => filesBelow('environments')

function filesBelow(folder: string): Files {
  const entries = readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = `${entry.parentPath}/${entry.name}`
        return [path.slice(root.length), readFileSync(path, 'utf8')]
      }),
  )
}

/** Both Debian releases that the stacks stand on. */
export const ownBases = { 'matrix.yaml': readFileSync(new URL('../../matrix.yaml', import.meta.url), 'utf8') }

/** One part of a stack broken by a text that is exchanged for another, and how that must show. */
export interface Break {
  readonly row: string
  readonly part: string
  readonly file: string
  readonly text: string
  readonly by: string
  /** Exactly the checks that turn red. */
  readonly red: readonly string[]
  /** What the reason of the first of them must tell. */
  readonly named: RegExp
}

/** @throws where a file no longer has the text: a break that breaks nothing shows nothing. */
export function broken(files: Files, breaks: readonly Break[]): Files {
  const changed: Record<string, string> = { ...files }
  for (const { file, text, by, part } of breaks) {
    const before = changed[file]
    if (before?.includes(text) !== true) throw new Error(`${file} does not have what is exchanged to break ${part}`)
    changed[file] = before.replace(text, () => by)
  }
  return changed
}

/** A stack under another name, so that it can be broken in several ways in one run. */
export function renamed(files: Files, from: string, to: string): Files {
  return Object.fromEntries(
    Object.entries(files).map(([path, content]) => [path.replace(`stacks/${from}/`, `stacks/${to}/`), content]),
  )
}

/** The checks of a cell that did not hold, in order. */
export const redChecks = (cell: CellRecord): readonly string[] =>
  cell.checks.filter((one) => one.outcome !== 'pass').map((one) => one.name)

/** What a person reads of a red cell: which check, and why. */
export function reasonOf(cell: CellRecord): string {
  const first = cell.checks.find((one) => one.outcome === 'fail' || one.outcome === 'error')
  return `${first?.name}: ${cell.message}`
}
