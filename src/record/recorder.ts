/** Writes down a run while it happens, and folds it when it ends. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { RunEvent, RunEventBody } from '../model/event.ts'
import { foldRun } from '../model/fold-run.ts'
import type { RunRecord } from '../model/run-record.ts'
import { EvidenceStore } from './evidence-store.ts'
import { addToHistory, readHistory } from './history.ts'
import { Journal } from './journal.ts'
import { removeOldRuns } from './retention.ts'
import { createRunFolder, type RunFolder } from './run-folder.ts'

export class Recorder {
  readonly folder: RunFolder
  readonly evidence: EvidenceStore
  readonly #reports: string
  readonly #journal: Journal
  readonly #events: RunEvent[] = []
  readonly #sinceStart: () => number

  /**
   * @param startedAt ISO 8601, UTC
   * @param sinceStart milliseconds since then
   * @throws the file system's error where nothing can be written
   */
  constructor(reports: string, options: { readonly startedAt: string; readonly sinceStart: () => number }) {
    mkdirSync(reports, { recursive: true })
    this.#reports = reports
    this.#sinceStart = options.sinceStart
    this.folder = createRunFolder(reports, options.startedAt)
    this.evidence = new EvidenceStore(this.folder.evidence)
    this.#journal = new Journal(this.folder.journal)
  }

  /** Writes the event down, and gives it with its time: now, where it has none yet. */
  take(body: RunEventBody | RunEvent): RunEvent {
    const event: RunEvent = { atMs: Math.round(this.#sinceStart()), ...body }
    this.#events.push(event)
    this.#journal.append(event)
    return event
  }

  /** The run as far as it went. */
  fold(): RunRecord {
    return foldRun(this.#events)
  }

  /**
   * Writes run.json, history and `latest.json`, and lets old runs go. Call it after `run-finished`.
   *
   * @param replaced runs of the history that this one stands for: their lines go
   * @throws where the record cannot be written, also where the journal could not
   */
  async finish(
    keep: { readonly reports: number; readonly runs: number } = { reports: 30, runs: 400 },
    replaced: ReadonlySet<string> = new Set(),
  ): Promise<RunRecord> {
    this.#journal.close()
    if (this.#journal.trouble !== null) throw this.#journal.trouble
    const run = this.fold()
    await writeFileAtomic(this.folder.record, `${JSON.stringify(run, null, 2)}\n`)
    const latest = { run: run.id, path: `${run.id}/run.json` }
    await writeFileAtomic(join(this.#reports, 'latest.json'), `${JSON.stringify(latest)}\n`)
    await addToHistory(this.#reports, run, { keptRuns: keep.runs, replaced })
    removeOldRuns(this.#reports, readHistory(this.#reports), { keptRuns: keep.reports })
    return run
  }
}
