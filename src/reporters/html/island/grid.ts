/** Makes the table a grid with one tab stop: arrows, Home, End, and leaps to what got worse. */
import { all } from './dom.ts'

const worse = 'a.cell.regressed, a.cell.malfunctioned, a.cell.lost, a.cell.new.fail, a.cell.new.error'
const notGreen = 'a.cell.fail, a.cell.error, a.cell.blocked'

export class Grid {
  readonly #table: HTMLElement
  readonly #stops: readonly (readonly (HTMLElement | null)[])[]
  #row = 1
  #column = 1

  constructor(table: HTMLElement) {
    this.#table = table
    table.setAttribute('role', 'grid')
    // The grid itself is the stop; what scrolls follows its focus.
    table.parentElement?.removeAttribute('tabindex')
    this.#stops = all('tr', table).map((row) => all('th, td', row).map((cell) => cell.querySelector('a')))
    for (const stop of this.#stops.flat()) stop?.setAttribute('tabindex', '-1')
    this.#stop()?.setAttribute('tabindex', '0')
    table.addEventListener('keydown', (event) => this.#key(event))
    table.addEventListener('focusin', (event) => this.#follow(event.target))
  }

  #stop(): HTMLElement | null {
    return this.#stops[this.#row]?.[this.#column] ?? null
  }

  #follow(target: EventTarget | null): void {
    for (const [row, stops] of this.#stops.entries()) {
      const column = stops.findIndex((stop) => stop !== null && stop === target)
      if (column >= 0) this.#moveTo(row, column, false)
    }
  }

  #moveTo(row: number, column: number, focus: boolean): void {
    this.#stop()?.setAttribute('tabindex', '-1')
    this.#row = row
    this.#column = column
    this.#stop()?.setAttribute('tabindex', '0')
    if (focus) this.#stop()?.focus()
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey || event.shiftKey) return
    const to = this.#target(event)
    if (to === null) return
    event.preventDefault()
    this.#moveTo(to[0], to[1], true)
  }

  #target(event: KeyboardEvent): readonly [number, number] | null {
    const [row, column] = [this.#row, this.#column]
    const lastRow = this.#stops.length - 1
    const lastColumn = (this.#stops[0]?.length ?? 1) - 1
    switch (event.key) {
      case 'ArrowRight':
        return this.#towards([row, column], [0, 1])
      case 'ArrowLeft':
        return this.#towards([row, column], [0, -1])
      case 'ArrowDown':
        return this.#towards([row, column], [1, 0])
      case 'ArrowUp':
        return this.#towards([row, column], [-1, 0])
      case 'Home':
        return this.#towards([event.ctrlKey ? 0 : row, -1], [0, 1])
      case 'End':
        return this.#towards([event.ctrlKey ? lastRow : row, lastColumn + 1], [0, -1])
      default:
        return null
    }
  }

  /** The next stop in a direction that is there and not filtered away. */
  #towards(from: readonly [number, number], by: readonly [number, number]): readonly [number, number] | null {
    let [row, column] = from
    for (;;) {
      row += by[0]
      column += by[1]
      const stops = this.#stops[row]
      if (stops === undefined || column < 0 || column >= stops.length) return null
      const stop = stops[column]
      if (stop != null && stop.offsetParent !== null) return [row, column]
    }
  }

  /** To the next cell that got worse; where none did, to the next that is not green. */
  leap(by: 1 | -1): void {
    const visible = (selector: string) => all(selector, this.#table).filter((cell) => cell.offsetParent !== null)
    const worseCells = visible(worse)
    const cells = worseCells.length > 0 ? worseCells : visible(notGreen)
    if (cells.length === 0) return
    const current = this.#stop()
    const at = current === null ? -1 : cells.indexOf(current)
    const before = cells.findLastIndex((cell) => current !== null && isBefore(cell, current))
    const next = at >= 0 ? at + by : by === 1 ? before + 1 : before
    cells[(next + cells.length) % cells.length]?.focus()
  }
}

const isBefore = (a: Node, b: Node): boolean => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0
