/** One line a cell a run: what durations, trends and regressions are computed from. */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CellOutcome } from '../model/outcome.ts'
import type { RunRecord } from '../model/run-record.ts'

export interface HistoryLine {
  readonly run: string
  readonly startedAt: string
  readonly cell: string
  readonly outcome: CellOutcome
  readonly signature: string | null
  readonly fingerprint: string | null
  readonly durationMs: number
}

/** Appends what a run answered; one write, so that two runs at once do not tear each other's lines. */
export function appendHistory(reports: string, run: RunRecord): void {
  const lines = run.cells.map((cell) => {
    const { id, outcome, signature, fingerprint, durationMs } = cell
    const line: HistoryLine = {
      run: run.id,
      startedAt: run.startedAt,
      cell: id,
      outcome,
      signature,
      fingerprint,
      durationMs,
    }
    return `${JSON.stringify(line)}\n`
  })
  appendFileSync(join(reports, 'history.jsonl'), lines.join(''))
}

/** The oldest first. Lines that are not history are left out; a missing file is an empty history. */
export function readHistory(reports: string): readonly HistoryLine[] {
  let text: string
  try {
    text = readFileSync(join(reports, 'history.jsonl'), 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value = JSON.parse(line) as Partial<HistoryLine> | null
      return typeof value?.cell === 'string' && typeof value.outcome === 'string' && typeof value.run === 'string'
        ? [value as HistoryLine]
        : []
    } catch {
      return []
    }
  })
}

/** Cell → how long it took when it last gave an answer. */
export function lastDurations(history: readonly HistoryLine[]): ReadonlyMap<string, number> {
  return new Map(
    history
      .filter((line) => line.outcome === 'pass' || line.outcome === 'fail')
      .map((line) => [line.cell, line.durationMs]),
  )
}
