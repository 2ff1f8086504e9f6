/** Folds the journals of the parts of one run into the events of the whole. */
import type { PlannedCellRecord, PlannedRun, RunEvent, RunEventBody, RunFinished, RunStarted } from './event.ts'
import { foldRun } from './fold-run.ts'
import { baselineOf, type PastRun } from './history.ts'
import type { RunRecord } from './run-record.ts'
import { exitCodes, verdictOf } from './verdict.ts'

/** A journal, and how to call it in a message. */
export interface Part {
  readonly name: string
  readonly events: readonly RunEvent[]
}

export type Merge =
  | {
      readonly ok: true
      /** `run` is empty: the run has no id yet. */
      readonly start: RunStarted
      /** Without a last `run-finished` where a part was killed. */
      readonly events: readonly RunEvent[]
      readonly exitCode: number
      /** Parts that are missing, as `2/5`, where cells are missing with them. */
      readonly missing: readonly string[]
    }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Of a cell that did not come to its end. */
const unknown = { stage: null, signature: null, fingerprint: null, imageId: null, evidence: [] } as const

interface OpenPart {
  readonly name: string
  readonly start: RunStarted
  readonly shard: NonNullable<RunStarted['shard']>
  /** Since the start of the whole, and without the first and the last one. */
  readonly events: readonly RunEvent[]
  /** Null where it was killed. */
  readonly finished: RunFinished | null
}

/** @param past what the whole may be compared with; not the parts themselves */
export function mergeJournals(given: readonly Part[], past: readonly PastRun[]): Merge {
  const parts: OpenPart[] = []
  const problems: string[] = []
  const startMs = Math.min(...given.map(startOf).filter(Number.isFinite))
  for (const part of given) {
    const opened = open(part, startMs)
    if (typeof opened === 'string') problems.push(opened)
    else parts.push(opened)
  }
  parts.sort((a, b) => a.shard.index - b.shard.index)
  const [first] = parts
  if (first === undefined) return { ok: false, problems: problems.length > 0 ? problems : ['there are no parts'] }
  problems.push(...parts.slice(1).flatMap((part) => differences(first, part)), ...answeredTwice(parts))
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, ...merged(parts, { first, startMs, past }) }
}

/** When the whole of these parts began, in ISO 8601; null where none says when it did. */
export function startOfParts(parts: readonly Part[]): string | null {
  const starts = parts.map(startOf).filter(Number.isFinite)
  return starts.length === 0 ? null : new Date(Math.min(...starts)).toISOString()
}

function startOf({ events: [first] }: Part): number {
  return first?.type === 'run-started' ? Date.parse(first.startedAt) : Number.NaN
}

/** A sentence where it is no part of a run. */
function open({ name, events }: Part, startMs: number): OpenPart | string {
  const [start, ...rest] = events
  if (start?.type !== 'run-started' || Number.isNaN(startOf({ name, events })))
    return `${name}: the journal does not begin with the start of a run`
  const { shard } = start
  if (shard === undefined) return `${name} is no part of a run; parts are made by matrix check --shard 1/2`
  const planned = new Set(shard.all.cells.map(({ id }) => id))
  const strange = start.cells.find(({ id }) => !planned.has(id))
  if (strange !== undefined) return `${name} ran ${strange.id}, which is in the plan of no part`
  const last = rest.at(-1)
  const finished = last?.type === 'run-finished' ? last : null
  const byMs = Date.parse(start.startedAt) - startMs
  const own = finished === null ? [...rest, ...interrupted(events)] : rest.slice(0, -1)
  return { name, start, shard, finished, events: own.map((event) => later(event, byMs)) }
}

/** What was in flight in a part that was killed, at the time of its end and not of the end of the others. */
function interrupted(events: readonly RunEvent[]): readonly RunEvent[] {
  const ended = new Set(events.flatMap((event) => (event.type === 'cell-finished' ? [event.cell] : [])))
  const started = new Set(events.flatMap((event) => (event.type === 'cell-started' ? [event.cell] : [])))
  const atMs = events.at(-1)?.atMs ?? 0
  return foldRun(events)
    .cells.filter(({ id }) => started.has(id) && !ended.has(id))
    .map(({ id, outcome, reason, message, durationMs, findings }) => ({
      atMs,
      ...{ type: 'cell-finished', cell: id, outcome, reason, message, durationMs, findings },
      ...unknown,
    }))
}

/** The same event on the clock of the whole, which began earlier. */
function later(event: RunEvent, byMs: number): RunEvent {
  const atMs = event.atMs + byMs
  if (event.type !== 'cell-phase') return { ...event, atMs }
  return { ...event, atMs, phase: { ...event.phase, startMs: event.phase.startMs + byMs } }
}

function differences(a: OpenPart, b: OpenPart): readonly string[] {
  const compared: readonly (readonly [what: string, (part: OpenPart) => unknown])[] = [
    ['the version of Matrix', ({ start: { tool } }) => `${tool.name} ${tool.version}`],
    ['the commit', ({ start: { source } }) => source?.commit ?? 'none'],
    ['--gate', ({ start: { gate } }) => gate ?? 'unwaived'],
    ['the number of parts', ({ shard }) => shard.count],
  ]
  const found = compared.flatMap(([what, of]) =>
    of(a) === of(b) ? [] : [`${a.name} and ${b.name} differ in ${what}: ${of(a)}, ${of(b)}`],
  )
  if (found.length > 0) return found
  if (
    JSON.stringify([planOf(a.shard.all), a.start.waivers]) === JSON.stringify([planOf(b.shard.all), b.start.waivers])
  ) {
    return []
  }
  const other = differentCell(a.shard.all.cells, b.shard.all.cells)
  const such = other === null ? '' : `, such as ${other}`
  return [`${a.name} and ${b.name} are parts of different projects or selections${such}`]
}

// How long a cell is expected to take is each machine's own.
const planOf = ({ rows, environments, cells }: PlannedRun) => [rows, environments, cells.map(identityOf)]
const identityOf = ({ id, excluded, declared }: PlannedCellRecord) => [id, excluded, declared ?? null]

function differentCell(a: readonly PlannedCellRecord[], b: readonly PlannedCellRecord[]): string | null {
  const known = new Map([a, b].map((cells) => [cells, new Set(cells.map((cell) => JSON.stringify(identityOf(cell))))]))
  const not = (cells: readonly PlannedCellRecord[], others: readonly PlannedCellRecord[]) =>
    cells.find((cell) => !known.get(others)?.has(JSON.stringify(identityOf(cell))))?.id
  return not(a, b) ?? not(b, a) ?? null
}

/** One sentence for each two parts. */
function answeredTwice(parts: readonly OpenPart[]): readonly string[] {
  const by = new Map<string, OpenPart>()
  const problems = new Map<string, string>()
  for (const part of parts) {
    for (const { id } of part.start.cells) {
      const other = by.get(id)
      if (other === undefined) by.set(id, part)
      else problems.set(`${other.name} and ${part.name}`, `both ran ${id}; give each part once`)
    }
  }
  return [...problems].map(([both, what]) => `${both} ${what}`)
}

function merged(
  parts: readonly OpenPart[],
  known: { readonly first: OpenPart; readonly startMs: number; readonly past: readonly PastRun[] },
) {
  const { first, startMs, past } = known
  const { count, all } = first.shard
  const ran = new Set(parts.flatMap((part) => part.start.cells.map(({ id }) => id)))
  const absent = all.cells.filter(({ id, excluded }) => !ran.has(id) && excluded === null)
  const given = new Set(parts.map((part) => part.shard.index))
  const numbers = Array.from({ length: count }, (_, at) => at + 1).filter((index) => !given.has(index))
  const missing = absent.length === 0 ? [] : numbers.map((index) => `${index}/${count}`)
  const sources = parts.flatMap(({ start: { source } }) => source ?? [])
  const [source] = sources
  const start: RunStarted = {
    type: 'run-started',
    run: '',
    startedAt: new Date(startMs).toISOString(),
    tool: first.start.tool,
    ...all,
    gate: first.start.gate ?? 'unwaived',
    source: source === undefined ? null : { ...source, dirty: sources.some(({ dirty }) => dirty) },
    baseline: baselineOf(past, new Set(all.cells.map(({ id }) => id))),
    waivers: first.start.waivers ?? [],
  }
  const happened = withoutRepeats(parts).toSorted((a, b) => a.atMs - b.atMs)
  const endMs = happened.at(-1)?.atMs ?? 0
  const events = [...happened, ...absent.map((cell) => ({ atMs: endMs, ...notRun(cell, missing) }))]
  const run = foldRun([{ atMs: 0, ...start }, ...events])
  const ends = parts.map((part) => part.finished)
  const verdict = verdictOf(run, howOf(ends))
  const killed = ends.includes(null)
  // Of a part that was killed nobody knows what it had still to say.
  const exitCode = killed && verdict.exitCode === exitCodes.green ? exitCodes.trouble : verdict.exitCode
  if (killed) return { start, events, exitCode, missing }
  const atMs = Math.max(endMs, ...parts.map(endOf(startMs)))
  const last: RunEvent = { atMs, type: 'run-finished', ...verdict, durationMs: atMs, timing: timingOf(ends, atMs) }
  return { start, events: [...events, last], exitCode, missing }
}

const endOf =
  (startMs: number) =>
  ({ start, finished }: OpenPart): number =>
    Date.parse(start.startedAt) - startMs + (finished?.durationMs ?? 0)

function howOf(ends: readonly (RunFinished | null)[]): Parameters<typeof verdictOf>[1] {
  if (ends.some((end) => end?.outcome === 'cancelled')) return 'interrupted'
  return ends.some((end) => end?.outcome === 'unknown') ? 'internal' : 'ended'
}

/** What several parts made for themselves is told once: a base, and of a stack's builds one that did not succeed before one that did. */
function withoutRepeats(parts: readonly OpenPart[]): readonly RunEvent[] {
  const bases = new Set<string>()
  const builders = new Map<string, OpenPart>()
  for (const part of parts) {
    for (const event of part.events) {
      if (event.type !== 'build-finished') continue
      if (!builders.has(event.build.stack) || event.build.outcome !== 'pass') builders.set(event.build.stack, part)
    }
  }
  return parts.flatMap((part) => {
    const rows = new Set(part.start.cells.map(({ stack }) => stack))
    return part.events.filter((event) => {
      switch (event.type) {
        case 'base-ready': {
          const name = `${event.base.reference} ${event.base.id}`
          return !bases.has(name) && bases.add(name)
        }
        case 'build-started':
          return (builders.get(event.stack) ?? part) === part
        case 'build-finished':
          return builders.get(event.build.stack) === part
        // A need of another part's row: the row's image is what its own cells ran.
        case 'image-ready':
          return rows.has(event.row)
        default:
          return true
      }
    })
  })
}

function notRun(cell: PlannedCellRecord, missing: readonly string[]): RunEventBody {
  const which = missing.length === 0 ? '' : `; missing: ${missing.join(', ')}`
  return {
    type: 'cell-finished',
    cell: cell.id,
    outcome: 'not-run',
    reason: null,
    message: `it is in no part that was given${which}`,
    durationMs: 0,
    findings: cell.findings,
    ...unknown,
  }
}

function timingOf(ends: readonly (RunFinished | null)[], makespanMs: number): RunRecord['timing'] {
  const sum = (of: (timing: RunRecord['timing']) => number) =>
    ends.reduce((total, end) => total + (end === null ? 0 : of(end.timing)), 0)
  return {
    makespanMs,
    // Parts on machines of their own have no bound in common.
    lowerBoundMs: null,
    buildMs: sum(({ buildMs }) => buildMs),
    distributeMs: sum(({ distributeMs }) => distributeMs),
    bytesDistributed: sum(({ bytesDistributed }) => bytesDistributed),
    imagesFetched: sum(({ imagesFetched }) => imagesFetched ?? 0),
  }
}
