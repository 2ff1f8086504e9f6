/** The store of what runs answered: one line a cell a run, appended and never changed but by pruning. */
import { appendFileSync, closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { type HistoryLine, historyLineOf, pastRuns } from '../model/history.ts'
import type { RunRecord } from '../model/run-record.ts'
import { withLock } from './history-lock.ts'

const historyPath = (reports: string): string => join(reports, 'history.jsonl')

/** Appends what a run answered, and lets the lines of old runs go. */
export async function addToHistory(
  reports: string,
  run: RunRecord,
  options: { readonly keptRuns: number; readonly replaced?: ReadonlySet<string> },
): Promise<void> {
  const work = async () => {
    appendHistory(reports, run)
    await prune(reports, options.keptRuns, options.replaced ?? new Set())
    return true
  }
  // Without the lock a line can still be added, but nothing taken away.
  if ((await withLock(`${historyPath(reports)}.lock`, work)) === null) appendHistory(reports, run)
}

async function prune(reports: string, keptRuns: number, replaced: ReadonlySet<string>): Promise<void> {
  const lines = readHistory(reports)
  const all = pastRuns(lines)
  const runs = all.filter(({ run }) => !replaced.has(run))
  // Not at every run, for each time the whole file is written.
  if (runs.length === all.length && runs.length <= keptRuns * 1.1) return
  const kept = new Set(runs.slice(-keptRuns).map((run) => run.run))
  const text = lines.filter((line) => kept.has(line.run)).map((line) => `${JSON.stringify(line)}\n`)
  await writeFileAtomic(historyPath(reports), text.join(''))
}

/** One write, so that two runs at once do not tear each other's lines. */
export function appendHistory(reports: string, run: RunRecord): void {
  const sizes = new Map(run.stacks.map((row) => [row.id, row.image?.sizeBytes ?? null]))
  const lines = run.cells.map((cell) => {
    const imageBytes = sizes.get(cell.stack) ?? null
    const line = historyLineOf(cell, {
      id: run.id,
      startedAt: run.startedAt,
      part: run.selection === 'part',
      imageBytes,
    })
    return `${JSON.stringify(line)}\n`
  })
  const path = historyPath(reports)
  // A run that was killed while it wrote leaves half a line; the next begins on one of its own.
  appendFileSync(path, `${endsInLine(path) ? '' : '\n'}${lines.join('')}`)
}

function endsInLine(path: string): boolean {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return true
  }
  try {
    const { size } = fstatSync(file)
    const last = Buffer.alloc(1)
    return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last.toString() === '\n')
  } finally {
    closeSync(file)
  }
}

/** The oldest first. Lines that are not history are left out; a missing file is an empty history. */
export function readHistory(reports: string): readonly HistoryLine[] {
  let text: string
  try {
    text = readFileSync(historyPath(reports), 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value = JSON.parse(line) as Partial<HistoryLine> | null
      return typeof value?.cell === 'string' &&
        typeof value.outcome === 'string' &&
        typeof value.run === 'string' &&
        typeof value.startedAt === 'string'
        ? [value as HistoryLine]
        : []
    } catch {
      return []
    }
  })
}
