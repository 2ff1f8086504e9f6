/** What only shows when all files are seen together: names that refer to one another. */
import { didYouMean } from '../lib/nearest.ts'
import { type Check, type Step, secretsIn } from '../model/check.ts'
import type { Diagnostic, SourceLocation } from '../model/diagnostic.ts'
import type { Environment, Exclusion, Row, SecretSource } from '../model/project.ts'
import type { Waiver } from '../model/waiver.ts'
import { captureProblems } from './check-captures.ts'

export interface CrossCheckInput {
  /** Ids of those whose file nothing can be made of; what refers to them is not a mistake too. */
  readonly brokenStacks: ReadonlySet<string>
  readonly brokenEnvironments: ReadonlySet<string>
  /** Row → names in its file of which something could not be read: what is not seen there may be there. */
  readonly holes: ReadonlyMap<string, ReadonlySet<string>>
  /** Nothing of what declares them could not be read. */
  readonly secretsAreKnown: boolean
  readonly rows: readonly Row[]
  readonly environments: readonly Environment[]
  readonly exclusions: readonly (Exclusion & { readonly at: SourceLocation })[]
  readonly secrets: Readonly<Record<string, SecretSource>>
  /** Where a value of a row was written. */
  readonly locate: (row: Row, path: readonly PropertyKey[]) => SourceLocation
}

export function crossCheck(input: CrossCheckInput): readonly Diagnostic[] {
  const rows = new Map(input.rows.map((row) => [row.id, row]))
  return [
    ...duplicates(input),
    ...input.rows.flatMap((row) => [
      ...needsOf(row, { rows, input }),
      ...nameConflicts(row, { rows, input }),
      ...checksOf(row, { rows, input }),
    ]),
    ...cycles(rows, input),
    ...input.exclusions.flatMap((exclusion) => exclusionOf(exclusion, input)),
  ]
}

const error = (code: string, message: string, at: SourceLocation, allowed?: readonly string[]): Diagnostic => ({
  severity: 'error',
  code,
  message,
  at,
  ...(allowed === undefined ? {} : { allowed }),
})

function unknown(
  what: string,
  name: string,
  context: { readonly at: SourceLocation; readonly known: readonly string[] },
): Diagnostic {
  const message = `there is no ${what} "${name}".${didYouMean(name, context.known)}`
  return error(`unknown-${what}`, message, context.at, context.known)
}

function duplicates(input: CrossCheckInput): readonly Diagnostic[] {
  const seen = new Map<string, SourceLocation>()
  return [...input.rows, ...input.environments].flatMap((entry) => {
    const key = `${'contract' in entry ? 'environment' : 'row'} ${entry.id}`
    const before = seen.get(key)
    if (before !== undefined)
      return [error('duplicate-id', `the id "${entry.id}" is taken by ${before.file}`, entry.at)]
    seen.set(key, entry.at)
    return entry.id.length > 40 ? [error('id', `the id "${entry.id}" has more than 40 characters`, entry.at)] : []
  })
}

function needsOf(
  row: Row,
  context: { readonly rows: ReadonlyMap<string, Row>; readonly input: CrossCheckInput },
): readonly Diagnostic[] {
  return row.needs.flatMap((need, index) => {
    const at = context.input.locate(row, ['needs', index])
    const target = context.rows.get(need.row)
    if (target?.kind === 'scenario') return [error('need', `"${need.row}" is a scenario and cannot be needed`, at)]
    if (target !== undefined || isBroken(need.row, context.input)) return []
    const variants = [...context.rows.values()].filter((other) => other.base === need.row).map((other) => other.id)
    if (variants.length > 0) return [error('need', `"${need.row}" has variants; say which one is needed`, at, variants)]
    return [unknown('stack', need.row, { at, known: [...context.rows.keys()] })]
  })
}

/** On one network a name is one thing: of two rows that are called the same, one would stand in for the other. */
function nameConflicts(
  row: Row,
  context: { readonly rows: ReadonlyMap<string, Row>; readonly input: CrossCheckInput },
): readonly Diagnostic[] {
  const problems: Diagnostic[] = []
  const called = new Map<string, { readonly row: string; readonly by: string }>()
  if (row.kind === 'stack') called.set(row.base, { row: row.id, by: 'itself' })
  const visit = (current: Row) => {
    for (const need of current.needs) {
      const before = called.get(need.alias)
      if (before !== undefined && before.row !== need.row) {
        const message = `"${need.alias}" is ${before.row} (for ${before.by}) and ${need.row} (for ${current.id}) on one network`
        problems.push(error('name-conflict', message, context.input.locate(row, ['needs'])))
      }
      if (before !== undefined) continue
      called.set(need.alias, { row: need.row, by: current.id })
      const target = context.rows.get(need.row)
      if (target !== undefined) visit(target)
    }
  }
  visit(row)
  return problems
}

const hasHole = (row: Row, name: string, { holes }: CrossCheckInput): boolean => holes.get(row.id)?.has(name) === true

function isBroken(row: string, input: CrossCheckInput): boolean {
  return [...input.brokenStacks].some((base) => row === base || row.startsWith(`${base}-`))
}

/** Everything that a row brings up beside itself. */
function reachable(row: Row, rows: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> {
  const found = new Map<string, Row>()
  const visit = (current: Row) => {
    for (const need of current.needs) {
      const target = rows.get(need.row)
      if (target === undefined || found.has(need.alias)) continue
      found.set(need.alias, target)
      visit(target)
    }
  }
  visit(row)
  return found
}

function checksOf(
  row: Row,
  context: { readonly rows: ReadonlyMap<string, Row>; readonly input: CrossCheckInput },
): readonly Diagnostic[] {
  const problems: Diagnostic[] = []
  if (row.checks.length === 0 && !hasHole(row, 'checks', context.input))
    problems.push(error('no-checks', `"${row.id}" has no checks, so nothing could ever be known of it`, row.at))
  const names = new Set<string>()
  const targets = reachable(row, context.rows)
  for (const check of row.checks) {
    if (names.has(check.name))
      problems.push(error('duplicate-name', `a second check is named "${check.name}"`, check.at))
    names.add(check.name)
    problems.push(...captureProblems(check))
    for (const step of stepsOf(check)) problems.push(...stepProblems(step, { row, targets, input: context.input }))
  }
  if (row.kind === 'scenario' && row.needs.length === 0 && !hasHole(row, 'needs', context.input)) {
    problems.push(
      error(
        'no-image',
        `"${row.id}" has neither build nor image, and as a scenario it needs at least one stack`,
        row.at,
      ),
    )
  }
  if (row.kind === 'stack') {
    if (row.readiness !== undefined) {
      const step: Step = {
        act: row.readiness.probe,
        from: row.readiness.from,
        timeoutMs: 0,
        capture: {},
        at: row.readiness.at,
      }
      problems.push(...stepProblems(step, { row, targets, input: context.input }))
    }
    for (const [name, value] of Object.entries(row.environment)) {
      if (typeof value === 'string') continue
      problems.push(...secretProblems(value.secret, context.input.locate(row, ['environment', name]), context.input))
    }
  }
  return problems
}

function stepsOf(check: Check): readonly Step[] {
  const flatten = (steps: readonly Step[]): readonly Step[] =>
    steps.flatMap((step) => [step, ...(step.act.kind === 'parallel' ? step.act.branches.flatMap(flatten) : [])])
  return flatten(check.steps)
}

function stepProblems(
  step: Step,
  context: { readonly row: Row; readonly targets: ReadonlyMap<string, Row>; readonly input: CrossCheckInput },
): readonly Diagnostic[] {
  const { row, targets } = context
  if (step.act.kind === 'parallel') return []
  const problems: Diagnostic[] = []
  if (step.on === undefined && row.kind === 'scenario') {
    return [
      error('missing', 'a check of a scenario says `on:` which of its needs it is aimed at', step.at, [
        ...targets.keys(),
      ]),
    ]
  }
  const target = step.on === undefined ? row : targets.get(step.on)
  // A need that leads nowhere has been reported where it is declared.
  if (target === undefined && row.needs.some((need) => need.alias === step.on)) return []
  if (target === undefined && [row, ...targets.values()].some((one) => mayNeedMore(one, context.input))) return []
  if (target === undefined) return [unknown('need', step.on ?? '', { at: step.at, known: [...targets.keys()] })]
  const hasPort = (name: string) =>
    target.kind !== 'stack' || Object.hasOwn(target.ports, name) || hasHole(target, 'ports', context.input)
  if ('port' in step.act && !hasPort(step.act.port) && target.kind === 'stack') {
    problems.push(unknown('port', step.act.port, { at: step.at, known: Object.keys(target.ports) }))
  }
  for (const name of secretsIn(step.act)) problems.push(...secretProblems(name, step.at, context.input))
  return problems
}

function secretProblems(name: string, at: SourceLocation, input: CrossCheckInput): readonly Diagnostic[] {
  if (Object.hasOwn(input.secrets, name) || !input.secretsAreKnown) return []
  return [unknown('secret', name, { at, known: Object.keys(input.secrets) })]
}

const mayNeedMore = (row: Row, input: CrossCheckInput): boolean =>
  hasHole(row, 'needs', input) || row.needs.some((need) => isBroken(need.row, input))

function cycles(rows: ReadonlyMap<string, Row>, input: CrossCheckInput): readonly Diagnostic[] {
  const problems: Diagnostic[] = []
  const done = new Set<string>()
  const visit = (row: Row, path: readonly string[]) => {
    const at = path.indexOf(row.id)
    if (at >= 0) {
      problems.push(
        error(
          'needs-cycle',
          `these need one another: ${[...path.slice(at), row.id].join(' → ')}`,
          input.locate(row, ['needs']),
        ),
      )
      return
    }
    if (done.has(row.id)) return
    for (const need of row.needs) {
      const target = rows.get(need.row)
      if (target) visit(target, [...path, row.id])
    }
    done.add(row.id)
  }
  for (const row of rows.values()) visit(row, [])
  return problems
}

function exclusionOf(exclusion: CrossCheckInput['exclusions'][number], input: CrossCheckInput): readonly Diagnostic[] {
  const { environment, stack } = exclusion
  const hasRow = isBroken(stack, input) || input.rows.some((row) => row.id === stack || row.base === stack)
  const hasEnvironment =
    input.brokenEnvironments.has(environment) || input.environments.some(({ id }) => id === environment)
  if (hasRow && hasEnvironment) return []
  return [
    error(
      'exclusion',
      `${stack}@${environment} is no cell of this project, so nothing is excluded by it`,
      exclusion.at,
    ),
  ]
}

/** A waiver for a cell that is not there does no harm, and nobody would find it; null where it is aimed at one. */
export function aimless(
  waiver: Waiver,
  project: { readonly rows: readonly Row[]; readonly environments: readonly Environment[] },
): Diagnostic | null {
  const { stack, environment } = waiver.match
  const hasRow = project.rows.some((row) => row.id === stack || row.base === stack)
  if (hasRow && project.environments.some((one) => one.id === environment)) return null
  const [file = '', line, column] = waiver.at.split(':')
  return {
    severity: 'warning',
    code: 'waiver',
    message: `${stack}@${environment} is no cell of this project, so this waiver covers nothing`,
    at: { file, line: Number(line), column: Number(column), length: 1 },
  }
}
