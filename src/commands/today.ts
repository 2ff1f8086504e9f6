/** What earlier answers are held against today: the project's files, its `max_age`, and what later runs found. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { type PastRun, pastRuns } from '../model/history.ts'
import type { Plan } from '../model/plan.ts'
import { type Staleness, stalenessOf } from '../model/staleness.ts'
import { readHistory } from '../record/history.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { declarations } from './declarations.ts'
import type { Io } from './io.ts'
import { loadPlan } from './load-plan.ts'

/** @param plan null where the project cannot be read: then only what later runs found tells */
export async function stalenessToday(plan: Plan | null, runs: readonly PastRun[]): Promise<Staleness> {
  return stalenessOf({
    nowMs: Date.parse(systemClock.wall()),
    maxAgeMs: plan?.project.history.maxAgeMs ?? null,
    declared: plan === null ? new Map() : await declarations(plan),
    runs,
  })
}

/** For views of what a project's runs left, which are shown also where the project itself is gone or broken. */
export async function stalenessIn(root: string, io: Io): Promise<Staleness> {
  const loaded = await loadPlan({ project: root }, { ...io, stderr: () => {} })
  if (!loaded.ok && existsSync(join(root, 'matrix.yaml'))) {
    io.stderr('matrix: the files of the project have mistakes, so which answers they have outdated is not known\n')
  }
  return stalenessToday(loaded.ok ? loaded.plan : null, pastRuns(readHistory(reportsFolder(root))))
}

/** Why answers do not count any more, a line a reason. */
export function staleNotes(
  cells: readonly { readonly cell: string; readonly stale: string | null }[],
): readonly string[] {
  const reasons = new Set(cells.flatMap(({ stale }) => stale ?? []))
  return [...reasons].map((why) => {
    const of = cells.filter(({ stale }) => stale === why).map(({ cell }) => cell)
    return `? ${why}: ${of.slice(0, 5).join(', ')}${of.length > 5 ? `, and ${of.length - 5} more` : ''}`
  })
}
