/** What differs between two runs in all that a cell's answer may depend on. */
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

export function differencesOf(before: RunRecord, after: RunRecord, cell: string): readonly Difference[] {
  return between(cellFacts(before, cell), cellFacts(after, cell))
}

/** What differs in the runs themselves: their environments, images and tool. */
export function runDifferences(before: RunRecord, after: RunRecord): readonly Difference[] {
  return between(runFacts(before), runFacts(after))
}

function between(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [was, is] = [before.get(what) ?? null, after.get(what) ?? null]
    return was === is ? [] : [{ what, before: was, after: is }]
  })
}

type Facts = Map<string, string>

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

function runFacts(run: RunRecord): Facts {
  const facts = common(run)
  for (const row of run.stacks) if (row.image) facts.set(`image of ${row.id}`, short(row.image.id))
  for (const environment of run.environments) addEnvironment(facts, environment, `${environment.id} `)
  return facts
}

function cellFacts(run: RunRecord, id: string): Facts {
  const facts = common(run)
  const cell = run.cells.find((one) => one.id === id)
  if (cell === undefined) return facts
  if (cell.image !== null) facts.set('image', short(cell.image.id))
  for (const need of cell.needs) facts.set(`image of ${need.stack}`, short(need.imageId))
  const environment = run.environments.find((one) => one.id === cell.environment)
  if (environment) addEnvironment(facts, environment, 'engine ')
  addDeclared(facts, cell)
  return facts
}

function addDeclared(facts: Facts, cell: CellRecord): void {
  for (const { key, value, provenance, observed } of cell.constraints) {
    facts.set(`constraint ${key}`, JSON.stringify(value))
    facts.set(`${key} as observed`, `${provenance} ${JSON.stringify(observed)}`)
  }
  for (const check of cell.checks) facts.set(`check "${check.name}"`, JSON.stringify(check.expected))
}

const short = (id: string): string => id.slice(0, 19)
