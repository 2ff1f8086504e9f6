/** Removes the folders of old runs: the last ones stay, and the run of each cell's last pass. */
import { rmSync } from 'node:fs'
import type { HistoryLine } from '../model/history.ts'
import { runFolder, runIds } from './run-folder.ts'

/** @param history of the project, the oldest first; gives the ids that were removed. */
export function removeOldRuns(
  reports: string,
  history: readonly HistoryLine[],
  options: { readonly keptRuns: number },
): readonly string[] {
  const old = expendableRuns(runIds(reports), history, options)
  for (const id of old) rmSync(runFolder(reports, id).path, { recursive: true, force: true })
  return old
}

/** @param ids the oldest first */
export function expendableRuns(
  ids: readonly string[],
  history: readonly HistoryLine[],
  { keptRuns }: { readonly keptRuns: number },
): readonly string[] {
  const lastPass = new Map(
    history.filter((line) => line.outcome === 'pass').map((line) => [line.cell, line.observedIn?.run ?? line.run]),
  )
  const kept = new Set([...ids.slice(-keptRuns), ...lastPass.values()])
  return ids.filter((id) => !kept.has(id))
}
