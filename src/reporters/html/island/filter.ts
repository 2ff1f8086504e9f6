/** Shows only what the words ask for: `api s:fail env:qa changed`. */
import { all } from './dom.ts'

interface Shown {
  readonly cells: number
  readonly of: number
}

type Test = (cell: {
  readonly id: string
  readonly stack: string
  readonly environment: string
  has(name: string): boolean
}) => boolean

/** One test a word; a cell is shown where all of them hold. */
function testOf(word: string): Test {
  const [, kind, value = ''] = /^(s|stack|env|c):(.*)$/.exec(word) ?? []
  switch (kind) {
    case 's':
      return (cell) => cell.has(value)
    case 'stack':
      return (cell) => cell.stack.includes(value)
    case 'env':
      return (cell) => cell.environment.includes(value)
    case 'c':
      return (cell) => cell.has(value)
    default:
      return (cell) => cell.id.includes(word) || (word === 'changed' && cell.has('changed'))
  }
}

export class Filter {
  readonly #cells: readonly HTMLElement[]
  readonly #rows: readonly HTMLElement[]
  readonly #groups: readonly HTMLElement[]

  constructor(table: HTMLElement) {
    this.#cells = all('a.cell', table)
    this.#rows = all('tr', table)
    this.#groups = all('#review .group')
  }

  apply(text: string): Shown {
    const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map(testOf)
    const shown = new Set<string>()
    const rows = new Set<string>()
    const columns = new Set<string>()
    for (const cell of this.#cells) {
      const id = cell.dataset['cell'] ?? ''
      const [stack = '', environment = ''] = id.split('@')
      const fits = tests.every((test) => test({ id, stack, environment, has: (name) => cell.classList.contains(name) }))
      cell.classList.toggle('away', !fits)
      if (!fits) continue
      shown.add(id)
      rows.add(stack)
      columns.add(environment)
    }
    this.#hide(tests.length > 0, { rows, columns })
    for (const group of this.#groups) {
      const cells = (group.dataset['cells'] ?? '').split(' ')
      group.hidden = tests.length > 0 && !cells.some((id) => shown.has(id))
    }
    return { cells: shown.size, of: this.#cells.length }
  }

  #hide(filtered: boolean, kept: { readonly rows: ReadonlySet<string>; readonly columns: ReadonlySet<string> }): void {
    const [head, ...body] = this.#rows
    const heads = head === undefined ? [] : all('th', head)
    const gone = heads.map((column) => filtered && !kept.columns.has(column.dataset['id'] ?? ''))
    for (const [index, column] of heads.entries()) column.hidden = gone[index] === true
    for (const row of body) {
      row.hidden = filtered && !kept.rows.has(row.dataset['id'] ?? '')
      if (row.hidden) continue
      for (const [index, cell] of all('td', row).entries()) cell.hidden = gone[index] === true
    }
  }
}
