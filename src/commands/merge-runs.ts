/** `matrix report --merge`: makes one run of the parts of a sharded one. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadProject } from '../config/load.ts'
import { systemClock } from '../lib/clock.ts'
import { ownerState } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { pastRuns } from '../model/history.ts'
import { type Merge, mergeJournals, type Part, startOfParts } from '../model/merge-journals.ts'
import type { RunRecord } from '../model/run-record.ts'
import { copyEvidence } from '../record/evidence-store.ts'
import { readHistory } from '../record/history.ts'
import { readJournal } from '../record/journal.ts'
import { Recorder } from '../record/recorder.ts'
import { isRunId, runFolder } from '../record/run-folder.ts'
import type { Io } from './io.ts'

interface StoredPart extends Part {
  readonly evidence: string
}

/** Null where the parts are not those of one run, which is said. */
export async function mergeRuns(
  reports: string,
  options: { readonly parts: readonly string[]; readonly project: string },
  io: Io,
): Promise<{ readonly run: RunRecord; readonly exitCode: number } | null> {
  const say = (text: string) => io.stderr(printable(`matrix: ${text}\n`))
  const read = options.parts.map((name) => readPart(name, { reports, cwd: io.cwd }))
  const wrong = read.flatMap((part) => (typeof part === 'string' ? [part] : []))
  const parts = read.flatMap((part) => (typeof part === 'string' ? [] : [part]))
  const replaced = replacedRuns(reports, parts)
  const past = pastRuns(readHistory(reports)).filter(({ run }) => !replaced.has(run))
  const merge: Merge = wrong.length > 0 ? { ok: false, problems: wrong } : mergeJournals(parts, past)
  if (!merge.ok) {
    for (const problem of merge.problems) say(problem)
    io.stderr('Nothing was merged.\n')
    return null
  }
  if (merge.missing.length > 0) say(`missing: ${merge.missing.join(', ')}; their cells count as not run`)
  const recorder = new Recorder(reports, { startedAt: systemClock.wall(), sinceStart: () => 0 })
  for (const { name, evidence } of parts) {
    const strange = await copyEvidence(evidence, recorder.folder.evidence)
    if (strange.length > 0)
      say(`${name}: left out of its evidence what is not what its name says: ${strange.join(', ')}`)
  }
  recorder.take({ ...merge.start, run: recorder.folder.id })
  for (const event of merge.events) recorder.take(event)
  const loaded = await loadProject(options.project, { env: io.env })
  const run = await recorder.finish(loaded.ok ? loaded.project.history : undefined, replaced)
  return { run, exitCode: merge.exitCode }
}

/** The parts themselves, where they ran here, and an earlier merge, which began when they did. */
function replacedRuns(reports: string, parts: readonly Part[]): ReadonlySet<string> {
  const own = new Set(parts.flatMap(({ events: [first] }) => (first?.type === 'run-started' ? [first.run] : [])))
  const startedAt = startOfParts(parts)
  const known = pastRuns(readHistory(reports))
  return new Set(known.filter((past) => own.has(past.run) || past.startedAt === startedAt).map(({ run }) => run))
}

/** The part, or what is wrong with it. */
function readPart(name: string, at: { readonly reports: string; readonly cwd: string }): StoredPart | string {
  const own = isRunId(name) ? runFolder(at.reports, name).path : null
  const path = own !== null && existsSync(own) ? own : resolve(at.cwd, name)
  const journal = join(path, 'events.jsonl')
  if (!existsSync(journal)) {
    return `${name}: there is no ${journal}; a part is a run of ${at.reports} or the path of a run's folder`
  }
  try {
    const events = readJournal(journal)
    const [first] = events
    const isOver = events.at(-1)?.type === 'run-finished'
    if (!isOver && first?.type === 'run-started' && first.owner !== undefined && ownerState(first.owner) === 'alive') {
      return `${name} is still under way`
    }
    return { name, events, evidence: join(path, 'evidence') }
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}`
  }
}
