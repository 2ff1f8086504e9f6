/** The matrix as a table of characters: words where there is room, letters where there is not. */
import Table from 'cli-table3'
import { createColors } from 'picocolors'
import type { CellOutcome } from '../model/outcome.ts'

/** What a cell shows: an outcome, that it fails and is waived, or that it runs now. */
export type CellState = CellOutcome | 'waived' | 'running'
/** A failure that a waiver covers is shown as what it is, and as nothing that has to be looked at. */
export const stateOf = (outcome: CellOutcome, waived: boolean): CellState =>
  outcome === 'fail' && waived ? 'waived' : outcome

export interface Grid {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** Null: the cell is not part of this run. */
  readonly state: (row: string, column: string) => CellState | null
}

type Colors = ReturnType<typeof createColors>
type Paint = (text: string) => string

const words: Readonly<Record<CellState, string>> = {
  pass: '✔ pass',
  fail: '✘ FAIL',
  error: '! error',
  blocked: '■ blocked',
  excluded: '– excluded',
  cancelled: '/ cancelled',
  'not-run': '?',
  waived: '◇ waived',
  running: '… running',
}
export const letters: Readonly<Record<CellState, string>> = {
  pass: 'P',
  fail: 'F',
  error: 'E',
  blocked: 'B',
  excluded: '–',
  cancelled: 'C',
  'not-run': '?',
  waived: 'W',
  running: '…',
}

export function paintOf(state: CellState, colors: Colors): Paint {
  switch (state) {
    case 'pass':
      return colors.green
    case 'fail':
      return (text) => colors.bold(colors.red(text))
    case 'error':
    case 'blocked':
      return colors.magenta
    case 'waived':
      return colors.yellow
    case 'running':
      return colors.cyan
    default:
      return colors.dim
  }
}

/** At most `width` columns wide where that is possible at all. No line break at the end. */
export function renderGrid(grid: Grid, options: { readonly width: number; readonly color: boolean }): string {
  const colors = createColors(options.color)
  const wide = tableOf(grid, { head: grid.columns, texts: words, colors })
  if (widthOf(wide) <= options.width) return wide
  const numbers = grid.columns.map((_, index) => String(index + 1))
  const narrow = tableOf(grid, { head: numbers, texts: letters, colors })
  const legend = grid.columns.map((column, index) => `${index + 1} ${column}`)
  const key = [...new Set(statesOf(grid))].map((state) => `${letters[state]} ${state}`)
  const notes = [...legend, key.join('  ')].join('\n')
  return widthOf(narrow) <= options.width ? `${narrow}\n${notes}` : `${listOf(grid, colors)}\n${notes}`
}

function statesOf(grid: Grid): readonly CellState[] {
  return grid.rows.flatMap((row) => grid.columns.flatMap((column) => grid.state(row, column) ?? []))
}

function tableOf(
  grid: Grid,
  look: {
    readonly head: readonly string[]
    readonly texts: Readonly<Record<CellState, string>>
    readonly colors: Colors
  },
): string {
  const table = new Table({ head: ['', ...look.head], style: { head: [], border: [], compact: true } })
  for (const row of grid.rows) {
    const texts = grid.columns.map((column) => {
      const state = grid.state(row, column)
      return state === null ? '' : paintOf(state, look.colors)(look.texts[state])
    })
    table.push([row, ...texts])
  }
  return table.toString()
}

/** One line a row, its letters in the order of the columns. */
function listOf(grid: Grid, colors: Colors): string {
  const lines = grid.rows.map((row) => {
    const states = grid.columns.map((column) => {
      const state = grid.state(row, column)
      return state === null ? ' ' : paintOf(state, colors)(letters[state])
    })
    return `${states.join('')} ${row}`
  })
  return lines.join('\n')
}

// Only what this file paints is measured, so that the sequences are known.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colours' escape sequences
const paint = /\u001b\[\d+m/g
const widthOf = (text: string): number =>
  Math.max(...text.split('\n').map((line) => [...line.replace(paint, '')].length))
