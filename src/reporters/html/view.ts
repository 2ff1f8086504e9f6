/** What the report shows of a run, as plain data: pages are functions of it. */
import type { SincePass } from '../../model/differences.ts'
import { flakeRate, type PastRun, stripOf } from '../../model/history.ts'
import type { RequirementsRecord } from '../../model/requirements.ts'
import type { CellRecord, EvidenceRef, RunRecord } from '../../model/run-record.ts'
import { asObserved } from '../../model/staleness.ts'
import { waiverMatches } from '../../model/suggest-waiver.ts'
import { answerLook, type Look, lookOf } from './looks.ts'

export interface HtmlContext {
  /** This run and those before it, the oldest first. */
  readonly runs: readonly PastRun[]
  readonly since: ReadonlyMap<string, SincePass>
  /** Row → what it was found to need, whenever that was. */
  readonly requirements: ReadonlyMap<string, RequirementsRecord>
  /** The text of a blob; null where it is not kept. */
  readonly evidence: (ref: EvidenceRef) => string | null
  readonly assets: { readonly style: string; readonly script: string }
}

export interface StripMark {
  readonly run: string
  readonly look: Look
  readonly flaky: boolean
}
export interface LogView {
  readonly name: string
  /** The file beside the report; null where it was not kept. */
  readonly file: string | null
  /** Null where it is not text, or not shown here. */
  readonly text: string | null
  readonly cutBytes: number
  /** What the workload said stands open; what the engine says of it does not. */
  readonly open: boolean
}
/** All that the page of one cell needs, so that it can be made here or, later, in the browser. */
export interface CellView {
  readonly cell: CellRecord
  readonly look: Look
  readonly rowTitle: string
  readonly environmentTitle: string
  readonly strip: readonly StripMark[]
  readonly flakeRate: number | null
  readonly since: SincePass | null
  readonly logs: readonly LogView[]
  readonly reproduction: string
  readonly waiver: string | null
  /** Waivers that name this cell and do not cover it. */
  readonly idleWaivers: readonly string[]
}
export interface ReportView {
  readonly run: RunRecord
  readonly filling: Filling
  readonly cells: ReadonlyMap<string, CellView>
  readonly runs: readonly PastRun[]
  readonly requirements: ReadonlyMap<string, RequirementsRecord>
}

/** How much of a run is in the page. */
export interface Filling {
  readonly logs: boolean
  /** So many cells have their pages in the file as they are, where there are more those of cells that need a look. */
  readonly plainCells: number
  /** The pages of the others are packed, and made when asked for. */
  readonly packed: boolean
}

export const wholeFilling: Filling = { logs: true, plainCells: 300, packed: true }
export const stripLength = 30
/** Of each log the beginning says what it is, and the end how it ended. */
const logHead = 8 * 1024
const logTail = 56 * 1024
/** Of what passed, the last lines. */
const passedTail = 4 * 1024
/** All logs of a report together; what is beyond it stays in its file. */
const logBudget = 3 * 1024 * 1024

export function viewOf(run: RunRecord, context: HtmlContext, filling: Filling = wholeFilling): ReportView {
  const rows = new Map(run.stacks.map((row) => [row.id, row.title]))
  const environments = new Map(run.environments.map((environment) => [environment.id, environment.title]))
  const readLog = logReader(context, filling.logs ? logBudget : 0)
  // What failed is read first, so that the budget is not spent on what passed.
  const ordered = run.cells.toSorted((a, b) => Number(a.outcome === 'pass') - Number(b.outcome === 'pass'))
  const views = ordered.map((cell): [string, CellView] => {
    const strip = stripOf(context.runs, cell.id, stripLength)
    const was = asObserved(cell)
    return [
      cell.id,
      {
        cell,
        look: lookOf(cell),
        rowTitle: rows.get(cell.stack) ?? cell.stack,
        environmentTitle: environments.get(cell.environment) ?? cell.environment,
        strip: strip.map((line) => ({
          run: line.run,
          look: answerLook({ outcome: line.outcome, waived: line.waived === true }),
          flaky: line.flaky === true,
        })),
        flakeRate: flakeRate(strip),
        since: context.since.get(cell.id) ?? null,
        logs: logRefs(was).map((ref) => readLog(ref, was.outcome === 'pass')),
        reproduction: `matrix check ${cell.id} --keep-failed`,
        waiver: waiverText(cell, run),
        idleWaivers: cell.waiver === null ? idleWaivers(cell, run) : [],
      },
    ]
  })
  return { run, filling, cells: new Map(views), runs: context.runs, requirements: context.requirements }
}

function logRefs(cell: CellRecord): readonly EvidenceRef[] {
  const before = cell.troubles
    .flatMap(({ evidence = [] }) => evidence)
    .map((ref) => ({ ...ref, name: `${ref.name}, before it was tried again` }))
  const all = [...cell.evidence, ...cell.checks.flatMap((check) => check.evidence), ...before]
  return [...new Map(all.map((ref) => [`${ref.hash} ${ref.name}`, ref])).values()]
}

function logReader(context: HtmlContext, budget: number): (ref: EvidenceRef, passed: boolean) => LogView {
  let left = budget
  return (ref, passed) => {
    const { name } = ref
    const file = ref.sizeBytes === 0 ? null : `evidence/${ref.hash.slice('sha256:'.length)}`
    const isText = /^text\/|json$/.test(ref.mediaType)
    const whole = file === null || !isText || left <= 0 ? null : context.evidence(ref)
    if (whole === null) return { name, file, text: null, cutBytes: ref.cutBytes, open: false }
    const { text, cutBytes } = passed ? cutMiddle(whole, 0, passedTail) : cutMiddle(whole, logHead, logTail)
    left -= text.length
    const open = ref.mediaType.startsWith('text/') && text.trim() !== ''
    return { name, file, text, cutBytes: ref.cutBytes + cutBytes, open }
  }
}

function cutMiddle(text: string, head: number, tail: number): { readonly text: string; readonly cutBytes: number } {
  if (text.length <= head + tail) return { text, cutBytes: 0 }
  const cutBytes = Buffer.byteLength(text.slice(head, -tail))
  return { text: `${text.slice(0, head)}\n[${cutBytes} bytes cut]\n${text.slice(-tail)}`, cutBytes }
}

const dayMs = 24 * 3600 * 1000
const suggestedDays = 30

/** What covers the cell, ready to be pasted below `waivers:`; null where nothing can. */
function waiverText(cell: CellRecord, run: RunRecord): string | null {
  const matches = waiverMatches(cell)
  if (matches.length === 0) return null
  const created = run.startedAt.slice(0, 10)
  const expires = new Date(Date.parse(created) + suggestedDays * dayMs).toISOString().slice(0, 10)
  const entries = matches.map((match) => {
    const fields = Object.entries(match).map(([key, value]) => `${key}: ${quoted(value)}`)
    return [
      `- match: { ${fields.join(', ')} }`,
      '  reason: "…"',
      '  owner: "@…"',
      `  created: ${created}`,
      `  expires: ${expires}`,
    ].join('\n')
  })
  return entries.join('\n')
}

/** In YAML a JSON text means itself, but for what Matrix would fill in. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll('${', () => '$${')

const idleReasons: Readonly<Record<string, string>> = {
  ended: 'ended on',
  'other-failure': 'covers another failure than this one, until',
}

function idleWaivers(cell: CellRecord, run: RunRecord): readonly string[] {
  return run.waivers.flatMap((waiver) => {
    const why = idleReasons[waiver.state]
    if (why === undefined || !waiver.cells.includes(cell.id)) return []
    return [`The waiver of ${waiver.owner} (${waiver.at}) ${why} ${waiver.expires}.`]
  })
}
