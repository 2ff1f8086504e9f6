/** What differs between two runs in all that a cell's answer may depend on. */
import { valueTold } from './constraint.ts'
import type { CellRecord, RunRecord } from './run-record.ts'

export interface Difference {
  readonly what: string
  /** Null: it was not there. */
  readonly before: string | null
  readonly after: string | null
}

/** A cell's last pass, the first failure after it, and what lies between. */
export interface SincePass {
  readonly passed: { readonly run: string; readonly startedAt: string }
  readonly failed: { readonly run: string; readonly startedAt: string }
  /** Null where the record of one of the two is gone. */
  readonly differences: readonly Difference[] | null
}

/** None where one of the runs does not have the cell: there is nothing to compare. */
export function differencesOf(before: RunRecord, after: RunRecord, cell: string): readonly Difference[] {
  const constraints = [before, after].every((run) => !isUnseen(run.cells.find(({ id }) => id === cell)))
  const [was, is] = [cellFacts(before, cell, constraints), cellFacts(after, cell, constraints)]
  return was === null || is === null ? [] : between(was, is)
}

/** What differs in the runs themselves: their tool, and the environments and images that both of them have. */
export function runDifferences(before: RunRecord, after: RunRecord): readonly Difference[] {
  return between(runFacts(before, after), runFacts(after, before))
}

function between(before: Facts, after: Facts): readonly Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what), after.get(what)]
    if (was === is || was === null || is === null) return []
    return [{ what, before: was ?? null, after: is ?? null }]
  })
}

/** Null: it is there, and what it is was not seen; that differs from nothing. */
type Facts = Map<string, string | null>

function common(run: RunRecord): Facts {
  const facts: Facts = new Map()
  if (run.source !== null)
    facts.set('commit', `${run.source.commit.slice(0, 12)}${run.source.dirty ? ' and edits' : ''}`)
  facts.set(run.tool.name, run.tool.version)
  return facts
}

function addEnvironment(facts: Facts, environment: RunRecord['environments'][number], prefix: string): void {
  for (const [name, value] of Object.entries(environment.engine ?? {})) facts.set(`${prefix}${name}`, String(value))
  for (const [name, value] of Object.entries(environment.facts)) facts.set(`${prefix}${name}`, String(value))
}

function runFacts(run: RunRecord, other: RunRecord): Facts {
  const facts = common(run)
  const [rows, columns] = [idsOf(other.stacks), idsOf(other.environments)]
  for (const { id, image } of run.stacks) if (image && rows.has(id)) facts.set(`image of ${id}`, short(image.id))
  for (const environment of run.environments) {
    if (columns.has(environment.id)) addEnvironment(facts, environment, `${environment.id} `)
  }
  return facts
}

const idsOf = (named: readonly { readonly id: string }[]): ReadonlySet<string> => new Set(named.map(({ id }) => id))

/** It did not come to where its constraints are told. */
const isUnseen = (cell: CellRecord | undefined): boolean =>
  cell !== undefined && cell.constraints.length === 0 && cell.checks.every(({ outcome }) => outcome === 'not-run')

function cellFacts(run: RunRecord, id: string, constraints: boolean): Facts | null {
  const facts = common(run)
  const cell = run.cells.find((one) => one.id === id)
  if (cell === undefined) return null
  if (cell.image !== null) facts.set('image', short(cell.image.id))
  for (const need of cell.needs) facts.set(`image of ${need.stack}`, short(need.imageId))
  const environment = run.environments.find((one) => one.id === cell.environment)
  if (environment) addEnvironment(facts, environment, 'engine ')
  if (constraints) addConstraints(facts, cell)
  addChecks(facts, cell)
  return facts
}

function addConstraints(facts: Facts, cell: CellRecord): void {
  for (const { key, value, provenance, observed } of cell.constraints) {
    facts.set(`constraint ${key}`, valueTold(key, value))
    facts.set(`${key} as observed`, observed === null ? null : `${provenance} ${valueTold(key, observed)}`)
  }
}

function addChecks(facts: Facts, cell: CellRecord): void {
  for (const { name, outcome, expected } of cell.checks) {
    facts.set(`check "${name}"`, outcome === 'not-run' ? null : JSON.stringify(expected))
  }
}

const short = (id: string): string => id.slice(0, 19)
