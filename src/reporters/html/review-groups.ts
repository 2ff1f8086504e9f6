/** What somebody has to look at, grouped by its cause: one broken base image is one row. */
import type { Change } from '../../model/comparison.ts'
import type { BuildRecord, CellRecord } from '../../model/run-record.ts'
import { becauseOf, type Causes, causesOf } from '../causes.ts'
import type { Look } from './looks.ts'
import type { CellView, ReportView } from './view.ts'

export interface ReviewGroup {
  readonly key: string
  readonly look: Look
  readonly change: Change | null
  readonly title: string
  readonly detail: string | null
  readonly cells: readonly CellView[]
}

/** What a waiver covers is not among them; what passes again stands last. */
export function reviewGroups(view: ReportView): readonly ReviewGroup[] {
  const causes = causesOf(view.run)
  const groups = new Map<string, CellView[]>()
  for (const cell of view.run.cells) {
    const seen = view.cells.get(cell.id)
    if (seen === undefined || !needsReview(cell)) continue
    const key = keyOf(cell, causes)
    groups.set(key, [...(groups.get(key) ?? []), seen])
  }
  const builds = new Map(view.run.builds.map((build) => [build.stack, build]))
  return [...groups]
    .map(([key, cells]) => groupOf(key, { cells, causes, builds }))
    .sort((a, b) => rank(a) - rank(b) || b.cells.length - a.cells.length)
}

function needsReview(cell: CellRecord): boolean {
  if (cell.outcome === 'pass') return cell.change === 'fixed' || cell.flaky
  if (cell.outcome === 'excluded') return cell.change === 'lost'
  return cell.waiver === null
}

function keyOf(cell: CellRecord, causes: Causes): string {
  if (cell.outcome === 'pass') return 'pass'
  const because = becauseOf(cell, causes)
  if (because !== null) return `cause ${cell.outcome} ${because}`
  // Of what never ran, only why is of interest.
  if (cell.outcome === 'not-run' || cell.outcome === 'cancelled') return `${cell.outcome} ${cell.message}`
  return `${cell.outcome} ${cell.signature ?? `${cell.reason} ${cell.message}`}`
}

function groupOf(
  key: string,
  context: {
    readonly cells: readonly CellView[]
    readonly causes: Causes
    readonly builds: ReadonlyMap<string, BuildRecord>
  },
): ReviewGroup {
  const { cells, causes } = context
  const first = cells[0] as CellView
  const { cell } = first
  const because = becauseOf(cell, causes)
  const common = { key, look: first.look, change: changeOfGroup(cells), cells }
  if (cell.outcome === 'pass') {
    return { ...common, title: 'Passes again', detail: null }
  }
  if (because !== null) {
    return { ...common, title: `Fails because of ${because}`, detail: remedyOf(cell) ?? cell.message }
  }
  if (cell.outcome === 'blocked') {
    const build = [...context.builds.values()].find((one) => one.outcome !== 'pass' && one.message === cell.message)
    return { ...common, title: sentenceCase(cell.message ?? 'a build did not succeed'), detail: build?.step ?? null }
  }
  const where = cell.stage === null ? '' : `${stageWords[cell.stage] ?? cell.stage}: `
  return {
    ...common,
    title: sentenceCase(`${where}${cell.message ?? cell.reason ?? cell.outcome}`),
    detail: otherMessages(cells) ?? failedChecks(cells),
  }
}

/** Ids, keys and the names of programs stay as they are written. */
const sentenceCase = (text: string): string => text.replace(/^[a-z]+(?=,? )/, (word) => capital(word))
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** The smallest changes that together end it. */
function remedyOf(cell: CellRecord): string | null {
  const relaxations = cell.causes.map(({ remedy }) => remedy?.relaxations[0]?.change)
  if (relaxations.length === 0 || relaxations.includes(undefined)) return cell.explanation?.summary ?? null
  return `It passes with: ${relaxations.join(', and ')}`
}

const stageWords: Readonly<Record<string, string>> = {
  needs: 'What it needs did not come up',
  ready: 'Not ready',
  check: 'A check does not hold',
  'stays-up': 'Does not stay up',
  stop: 'Does not stop',
  start: 'Does not start',
  create: 'Cannot be created',
  constraints: 'Constraints',
}

/** The same failure may be told with other numbers elsewhere. */
function otherMessages(cells: readonly CellView[]): string | null {
  const [first, ...others] = new Set(cells.flatMap(({ cell }) => cell.message ?? []))
  return first === undefined || others.length === 0 ? null : `Also: ${others.slice(0, 3).join(' · ')}`
}

function failedChecks(cells: readonly CellView[]): string | null {
  const names = new Set(
    cells.flatMap(({ cell }) => cell.checks.filter((check) => check.outcome === 'fail').map((check) => check.name)),
  )
  return names.size === 0 ? null : [...names].slice(0, 3).join(', ')
}

const urgency: readonly (Change | null)[] = ['regressed', 'malfunctioned', 'lost', 'new', null, 'unchanged', 'fixed']

function changeOfGroup(cells: readonly CellView[]): Change | null {
  return urgency.find((change) => cells.some((view) => view.cell.change === change)) ?? null
}

const looks: readonly Look[] = [
  'fail',
  'error',
  'blocked',
  'cancelled',
  'not-run',
  'stale',
  'known',
  'excluded',
  'pass',
]
const rank = (group: ReviewGroup): number => urgency.indexOf(group.change) * looks.length + looks.indexOf(group.look)
