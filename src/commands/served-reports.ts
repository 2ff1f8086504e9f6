/** What a path of `matrix serve` shows: the list of runs, a run that is under way, a report, or one of a run's files. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { foldRun } from '../model/fold-run.ts'
import type { RunRecord } from '../model/run-record.ts'
import { asOf, type Staleness } from '../model/staleness.ts'
import { readJournal } from '../record/journal.ts'
import { isRunId, runFolder, runIds } from '../record/run-folder.ts'
import { stateOfRun } from '../record/run-state.ts'
import { type ListedRun, liveRefreshSeconds, renderLivePage, renderRunList } from '../reporters/html/server-pages.tsx'
import { LiveRun } from '../reporters/live-state.ts'
import { readRun } from './read-run.ts'
import { formats } from './renderings.ts'
import { readAssets } from './report-context.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Uint8Array
  /** Absent: nothing is allowed. */
  readonly policy?: string
  readonly refreshSeconds?: number
}

interface ServedFile {
  readonly type: string
  readonly format: keyof typeof formats
  readonly policy?: string
}
const reportPolicy = "frame-ancestors 'none'"
const report: ServedFile = { type: 'text/html', format: 'html', policy: reportPolicy }
const files: Readonly<Record<string, ServedFile>> = {
  '': report,
  'index.html': report,
  'run.json': { type: 'application/json', format: 'json' },
  'junit.xml': { type: 'application/xml', format: 'junit' },
  'ctrf.json': { type: 'application/json', format: 'ctrf' },
  'summary.md': { type: 'text/plain', format: 'markdown' },
  'metrics.prom': { type: 'text/plain', format: 'metrics' },
  'badge.json': { type: 'application/json', format: 'badge' },
}
const pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"

const notFound: Answer = { status: 404, type: 'text/plain', body: 'there is nothing here\n' }

export class ServedReports {
  readonly #reports: string
  readonly #title: string
  readonly #staleness: () => Promise<Staleness>
  /** A journal that has not grown is not read again. */
  readonly #known = new Map<string, { readonly size: number; readonly listed: ListedRun }>()

  constructor(reports: string, options: { readonly title: string; readonly staleness: () => Promise<Staleness> }) {
    this.#reports = reports
    this.#title = options.title
    this.#staleness = options.staleness
  }

  async answer(path: string): Promise<Answer> {
    if (path === '/') return page(renderRunList(this.#list(await this.#staleness()), { title: this.#title }))
    if (path === '/report.css') return { status: 200, type: 'text/css', body: readAssets().style }
    const [, first = '', second = '', third, ...rest] = path.split('/')
    if (rest.length > 0) return notFound
    if (first === 'live' && third === undefined) return this.#live(second)
    if (!this.#has(first)) return notFound
    if (second === 'evidence' && third !== undefined) return this.#evidence(first, third)
    return third === undefined ? this.#file(first, second) : notFound
  }

  #has(run: string): boolean {
    return isRunId(run) && runIds(this.#reports).includes(run)
  }

  #list(staleness: Staleness): readonly ListedRun[] {
    return runIds(this.#reports)
      .toReversed()
      .flatMap((id) => this.#listed(id) ?? [])
      .map((listed) => (listed.state === 'under way' ? listed : { ...listed, run: asOf(listed.run, staleness) }))
  }

  #listed(id: string): ListedRun | null {
    const { journal } = runFolder(this.#reports, id)
    try {
      const { size } = statSync(journal)
      const known = this.#known.get(id)
      if (known !== undefined && known.size === size && known.listed.state === 'ended') return known.listed
      const events = readJournal(journal)
      const state = stateOfRun(events)
      const listed = { run: inOutline(foldRun(events, state === 'under way' ? state : 'over')), state }
      this.#known.set(id, { size, listed })
      return listed
    } catch {
      return null
    }
  }

  #live(id: string): Answer {
    if (!this.#has(id)) return notFound
    const events = readJournal(runFolder(this.#reports, id).journal)
    const [first] = events
    if (first?.type !== 'run-started') return notFound
    const live = new LiveRun()
    for (const event of events) live.event(event)
    const over = stateOfRun(events) !== 'under way'
    const last = events.at(-1)?.atMs ?? 0
    const elapsedMs = over ? last : Math.max(last, Date.parse(systemClock.wall()) - Date.parse(first.startedAt))
    const shown = page(renderLivePage(live.state(elapsedMs), { run: id, elapsedMs, over }))
    return over ? shown : { ...shown, refreshSeconds: liveRefreshSeconds }
  }

  /**
   * As it was written; of a run that is under way or was killed, or does not count in full any more, as it is now. The
   * record of a run that ended stays as it was.
   */
  async #file(id: string, name: string): Promise<Answer> {
    const folder = runFolder(this.#reports, id)
    if (name === 'events.jsonl') return fileAnswer(folder.journal, 'application/x-ndjson')
    const file = Object.hasOwn(files, name) ? files[name] : undefined
    const listed = this.#listed(id)
    if (file === undefined || listed === null) return notFound
    const { type, format, ...policy } = file
    const staleness = await this.#staleness()
    const today = (run: RunRecord) => (listed.state === 'under way' ? run : asOf(run, staleness))
    const counts = format === 'json' || today(listed.run) === listed.run
    const written = fileAnswer(join(folder.path, name === '' ? 'index.html' : name), type)
    if (written.status === 200 && listed.state === 'ended' && counts) return { ...written, ...policy }
    const run = readRun(this.#reports, id)
    if (run === null) return notFound
    return { status: 200, type, body: formats[format](run, today(run), this.#reports), ...policy }
  }

  #evidence(id: string, hash: string): Answer {
    if (!/^[0-9a-f]{64}$/.test(hash)) return notFound
    return fileAnswer(join(runFolder(this.#reports, id).evidence, hash), 'text/plain')
  }
}

/** As much as a list tells, for a reports folder may hold more than memory does. */
const inOutline = (run: RunRecord): RunRecord => ({
  ...run,
  cells: run.cells.map((cell) => ({
    ...cell,
    ...{ phases: [], checks: [], constraints: [], evidence: [], findings: [], placements: [], needs: [] },
    ...{ causes: [], explanation: null, failures: [], troubles: [], again: [] },
  })),
})

const page = (body: string): Answer => ({ status: 200, type: 'text/html', body, policy: pagePolicy })

function fileAnswer(path: string, type: string): Answer {
  try {
    return { status: 200, type, body: readFileSync(path) }
  } catch {
    return notFound
  }
}
