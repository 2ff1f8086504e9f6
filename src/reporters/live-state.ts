/** What a live view knows of a run, from its events: pure, so that a screen is a function of it. */
import { coverOf, type WaivableCell, type WaiverContext } from '../model/apply-waivers.ts'
import type { CellFinished, Progress, RunEvent } from '../model/event.ts'
import type { CellState, Grid } from './grid.ts'
import { troubleTold } from './sentence.ts'

export interface LiveState {
  readonly grid: Grid
  readonly done: number
  readonly total: number
  /** What runs now, the oldest first. */
  readonly running: readonly { readonly name: string; readonly what: string; readonly sinceMs: number }[]
  /** What is still to come by the last run's durations; null where those are not known. */
  readonly expectedMs: number | null
  readonly notice: string | null
}

export class LiveRun {
  #rows: readonly string[] = []
  #columns: readonly string[] = []
  readonly #states = new Map<string, CellState>()
  readonly #expected = new Map<string, number | null>()
  readonly #builds = new Map<string, { readonly sinceMs: number; what: string }>()
  readonly #cells = new Map<string, { readonly sinceMs: number; what: string }>()
  readonly #probes = new Map<string, { readonly name: string; readonly sinceMs: number; readonly what: string }>()
  readonly #needs = new Map<string, WaivableCell['needs'][number][]>()
  #waivers: WaiverContext = { waivers: [], startedAt: '', bases: new Map() }
  #notice: string | null = null
  #hearsStages = false

  event(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.#rows = event.rows.map((row) => row.id)
        this.#columns = event.environments.map((environment) => environment.id)
        this.#waivers = {
          waivers: event.waivers ?? [],
          startedAt: event.startedAt,
          bases: new Map(event.rows.map((row) => [row.id, row.base])),
        }
        for (const cell of event.cells) {
          this.#states.set(cell.id, cell.excluded === null ? 'not-run' : 'excluded')
          if (cell.excluded === null) this.#expected.set(cell.id, cell.expectedMs)
        }
        return
      case 'build-started':
        this.#builds.set(event.stack, { sinceMs: event.atMs, what: 'build' })
        return
      case 'build-finished':
        this.#builds.delete(event.build.stack)
        return
      case 'cell-started':
        this.#states.set(event.cell, 'running')
        this.#cells.set(event.cell, { sinceMs: event.atMs, what: 'create' })
        this.#needs.delete(event.cell)
        return
      case 'cell-need':
        this.#needs.set(event.cell, [...(this.#needs.get(event.cell) ?? []), event.need])
        return
      case 'cell-phase': {
        // Who reads the journal alone hears of no stage: it knows what is done.
        const cell = this.#cells.get(event.cell)
        if (cell && !this.#hearsStages) cell.what = `${event.phase.name} done`
        return
      }
      case 'cell-explained':
        this.#notice = event.explanation.summary
        return
      case 'cell-tried-again':
        this.#notice = `${event.cell} is tried again, for ${troubleTold(event.trouble)}`
        return
      case 'cell-finished':
        this.#states.set(event.cell, this.#isWaived(event) ? 'waived' : event.outcome)
        this.#cells.delete(event.cell)
        return
      default:
        return
    }
  }

  /** @param nowMs since the start of the run */
  progress(progress: Progress, nowMs: number): void {
    switch (progress.type) {
      case 'build-progress': {
        const build = this.#builds.get(progress.stack)
        if (build) build.what = progress.text
        return
      }
      case 'cell-stage': {
        const cell = this.#cells.get(progress.cell)
        this.#hearsStages = true
        if (cell) cell.what = progress.stage
        return
      }
      case 'cell-search':
        this.#notice = `${progress.cell}: ${progress.text}`
        return
      case 'cell-probe': {
        const { cell, number, purpose, state } = progress
        const key = `${cell} ${number}`
        if (state === 'over') this.#probes.delete(key)
        else this.#probes.set(key, { name: cell, sinceMs: nowMs, what: `probe ${number}, ${purpose}` })
        return
      }
      case 'host-progress':
      case 'notice':
        this.#notice = progress.text
    }
  }

  #isWaived({ cell, outcome, failures = [] }: CellFinished): boolean {
    const [stack = '', environment = ''] = cell.split('@')
    const needs = this.#needs.get(cell) ?? []
    return coverOf({ outcome, stack, environment, failures, needs }, this.#waivers).length > 0
  }

  /** @param nowMs since the start of the run */
  state(nowMs: number): LiveState {
    const answered = [...this.#expected.keys()].filter((id) => this.#isAnswered(id))
    return {
      grid: {
        rows: this.#rows,
        columns: this.#columns,
        state: (row, column) => this.#states.get(`${row}@${column}`) ?? null,
      },
      done: answered.length,
      total: this.#expected.size,
      running: [
        ...[...this.#builds].map(([name, { what, sinceMs }]) => ({ name, what, sinceMs })),
        ...[...this.#cells].map(([name, { what, sinceMs }]) => ({ name, what, sinceMs })),
        ...this.#probes.values(),
      ],
      expectedMs: this.#remaining(nowMs),
      notice: this.#notice,
    }
  }

  #isAnswered(id: string): boolean {
    const state = this.#states.get(id)
    return state !== 'not-run' && state !== 'running'
  }

  /** What is left by the last run's durations, done by as many at a time as run now; never less than the longest. */
  #remaining(nowMs: number): number | null {
    if (this.#cells.size === 0) return null
    const left: number[] = []
    for (const [id, expectedMs] of this.#expected) {
      if (this.#isAnswered(id)) continue
      if (expectedMs === null) return null
      const { sinceMs } = this.#cells.get(id) ?? { sinceMs: nowMs }
      left.push(Math.max(0, expectedMs - (nowMs - sinceMs)))
    }
    return Math.max(...left, left.reduce((sum, ms) => sum + ms, 0) / this.#cells.size)
  }
}
