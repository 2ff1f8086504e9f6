/** What a run comes to, in one sentence. */
import { counted } from '../lib/counted.ts'
import { oneLine } from '../lib/printable.ts'
import type { RunRecord, TroubleRecord } from '../model/run-record.ts'
import { suspectEngines } from '../model/suspect-engines.ts'
import { soonDays } from '../model/waiver.ts'
import { causesOf } from './causes.ts'
import { formatDuration } from './duration.ts'

export function verdictSentence(run: RunRecord): string {
  const parts = countsOf(run).flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]))
  return `${opening(run)}: ${parts.join(', ') || 'no cell'}, in ${formatDuration(run.durationMs)}.`
}

/** Against a baseline, failures are told apart: what is new is what somebody has to look at today. */
function countsOf(run: RunRecord): readonly (readonly [number, string])[] {
  const { cells } = run
  const count = (test: (cell: RunRecord['cells'][number]) => boolean) => cells.filter(test).length
  const outcome = (name: string) => count((cell) => cell.outcome === name)
  const failing = cells.filter((cell) => cell.outcome === 'fail' && cell.waiver === null)
  const fresh = run.baseline === null ? [] : failing.filter((cell) => cell.change !== 'unchanged')
  const ending = run.waivers.filter((waiver) => waiver.state === 'used' && waiver.daysLeft <= soonDays).length
  const soon =
    ending === 0 ? '' : ` (${ending} ${ending === 1 ? 'waiver ends' : 'waivers end'} within ${soonDays} days)`
  return [
    [fresh.length, fresh.length === 1 ? 'new failure' : 'new failures'],
    [failing.length - fresh.length, run.baseline === null ? 'failed' : 'failed as before'],
    [count((cell) => cell.change === 'fixed'), 'fixed'],
    [count((cell) => cell.outcome === 'fail' && cell.waiver !== null), `known${soon}`],
    [outcome('error'), 'could not be observed'],
    [outcome('blocked'), 'blocked by a build'],
    [outcome('cancelled'), 'cancelled'],
    [count((cell) => cell.outcome === 'not-run' && cell.stale === undefined), 'not run'],
    [count((cell) => cell.stale !== undefined), `not known any more${answeredThen(cells)}`],
    [outcome('pass'), `passed${observedBefore(cells)}`],
    [outcome('excluded'), 'excluded'],
  ]
}

/** What cells answered that does not count any more. */
function answeredThen(cells: RunRecord['cells']): string {
  const were = cells.flatMap(({ stale }) => stale?.was.outcome ?? [])
  const told = [...new Set(were)].map((outcome) => `${were.filter((one) => one === outcome).length} ${outcome}`)
  return told.length === 0 ? '' : ` (then ${told.join(', ')})`
}

/** An answer that was taken over is not one that was observed now. */
function observedBefore(cells: RunRecord['cells']): string {
  const count = cells.filter(({ observedIn }) => observedIn !== null).length
  return count === 0 ? '' : ` (${count} in an earlier run, unchanged since)`
}

function opening(run: RunRecord): string {
  if (run.underWay) return 'The run is under way'
  if (!run.complete) return 'The run was killed before it ended'
  if (run.cells.some(({ stale }) => stale !== undefined)) return 'An earlier run, of which not everything counts today'
  switch (run.outcome) {
    case 'pass':
      return run.waivers.some((waiver) => waiver.state === 'used')
        ? 'Every expected cell passed or is waived'
        : 'Every expected cell passed'
    case 'fail':
      return 'Something failed'
    case 'cancelled':
      return 'The run was stopped'
    case 'trouble':
      return 'Nothing failed, but not everything could be observed'
    case 'unknown':
      return 'The run broke off'
  }
}

/**
 * Across the grid: how few causes the red cells have; null where there is nothing to say of that. A cell may have several,
 * of which each fails it.
 */
export function causesSentence(run: RunRecord): string | null {
  const red = run.groups.reduce((sum, { cells }) => sum + cells.length, 0)
  if (red === 0) return null
  const causes = causesOf(run)
  const known = new Map<string, number>()
  let unexplained = 0
  for (const { cells, cause: all } of run.groups) {
    const [first = ''] = cells
    const found = new Set((causes.get(first) ?? []).map(({ constraints }) => constraints.toSorted().join(' + ')))
    // The cell that was looked into may be one that does not count any more.
    if (found.size === 0 && all !== null) found.add(all.join(' + '))
    if (found.size === 0) unexplained += 1
    for (const cause of found) known.set(cause, (known.get(cause) ?? 0) + cells.length)
  }
  if (known.size === 0) return red === unexplained ? null : `${red} red = ${counted(unexplained, 'failure')}.`
  const named = [...known].map(([cause, cells]) => `${cause} (${cells})`).join(', ')
  const others = unexplained === 0 ? '' : `, and ${counted(unexplained, 'failure')} without a constraint as its cause`
  return `${red} red = ${counted(known.size, 'cause')}: ${named}${others}.`
}

/** A sentence an engine that is suspect. */
export function suspectSentences(run: RunRecord): readonly string[] {
  return suspectEngines(run).map(({ environments, cells, of }) => {
    const why = cells[0]?.message
    const told = why == null ? '' : `: ${why}`
    return `Look at the engine of ${environments.join(', ')} first: ${cells.length} of its ${of} cells fail alike${told}`
  })
}

/** A sentence an environment in which something declared was not in force, so that its green cells say nothing of that. */
export function unenforcedSentences(run: RunRecord): readonly string[] {
  return run.environments.flatMap(({ id }) => {
    const cells = run.cells.filter(({ environment }) => environment === id)
    const keysOf = ({ constraints }: RunRecord['cells'][number]) =>
      constraints.flatMap(({ key, provenance }) => (provenance === 'unsupported' ? [key] : []))
    const keys = [...new Set(cells.flatMap(keysOf))]
    if (keys.length === 0) return []
    const concerned = cells.filter((cell) => keysOf(cell).length > 0).length
    return [`Not enforced in ${id}: ${keys.join(', ')} (${counted(concerned, 'cell')}).`]
  })
}

/** What kept a cell from an answer, for the end of a sentence. */
export function troubleTold({ stage, reason, message, failures = [] }: TroubleRecord): string {
  const why = message === null ? 'nothing more is known' : oneLine(message, 400)
  const [first] = failures
  const before = first === undefined ? '' : `; before that ${oneLine(first.message, 400)}`
  return `trouble${stage === null ? '' : ` at ${stage}`} (${reason ?? '?'}): ${why}${before}`
}
