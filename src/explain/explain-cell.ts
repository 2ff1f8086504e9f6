/** Explains one failing cell of a run by running it under other constraints. */
import type { Clock } from '../lib/clock.ts'
import type { CellExplained } from '../model/event.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import type { CauseRecord, CellRecord, EngineRecord } from '../model/run-record.ts'
import { engineKindOf } from '../plan/engine-defaults.ts'
import { type Variable, variableOf } from '../plan/vary.ts'
import type { Trial } from '../run/trial.ts'
import { type Elsewhere, engineOf } from './elsewhere.ts'
import { knownAnswers, recorded } from './known-answers.ts'
import { type Asks, patchOf, withAsks } from './patch.ts'
import type { FoundCause } from './probe.ts'
import { type Budget, BudgetError, type Probed, Prober } from './prober.ts'
import { relaxationsOf } from './remedy.ts'
import { type Reproduced, reproductionOf } from './reproduction.ts'
import { type SearchResult, search } from './search.ts'
import { answerOf, subjectOf } from './subject.ts'
import { rank } from './suspects.ts'
import { findThreshold } from './threshold.ts'
import { concerns, confidenceOf, type FoundThreshold, relativeTo, summaryOf } from './words.ts'

export interface ExplainOptions {
  readonly project: Project
  /** As it was planned. */
  readonly cell: RunnableCell
  /** As it failed. */
  readonly record: CellRecord
  /** Other cells of the run: they may have answered a question already. */
  readonly others: readonly { readonly cell: RunnableCell; readonly record: CellRecord }[]
  readonly engine: EngineRecord & { readonly endpoint: string }
  /** Columns of the run on other engines. */
  readonly elsewhere: readonly Elsewhere[]
  readonly trial: Trial
  readonly parallel: number
  readonly budget: Budget
  /** Run what the stack could ask for before it is recommended. */
  readonly tryPatches: boolean
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What is suspected and what has been ruled out. */
  readonly say: (text: string) => void
  readonly onProbe: (probe: Probed) => void
}

/** Rejects with the signal's reason, and with `EngineError` where the cell cannot be run again. */
export async function explainCell(options: ExplainOptions): Promise<CellExplained> {
  const { cell, clock, record } = options
  const startedAt = clock.now()
  const variable = variableOf(options.project, cell, engineKindOf(options.engine))
  const subject = subjectOf(variable, options.trial)
  using prober = new Prober(subject, {
    budget: options.budget,
    parallel: isTimed(record) ? 1 : options.parallel,
    signal: options.signal,
    known: knownAnswers(subject, options),
    onProbe: options.onProbe,
  })
  const searched = await search(prober, { rank, hadCompany: options.others.length > 0, say: options.say })
  const found = await orEngine(searched, { ...options, prober, variable })
  const causes: FoundThreshold[] = []
  const records: Omit<CauseRecord, 'probes'>[] = []
  for (const cause of found.causes) {
    const others = found.causes.filter((one) => one !== cause).flatMap(({ constraints }) => constraints)
    const own = [...found.background, ...cause.constraints]
    const rest = subject.atoms.filter((atom) => !others.includes(atom) || own.includes(atom))
    const threshold = await findThreshold(prober, { cause, rest, values: variable.values, say: options.say })
    causes.push({ cause, threshold })
    const patched = await patchFor(cause, { ...options, prober, rest })
    const { made, why } = reproductionFor(cause, { ...options, found, variable, patched })
    if (why !== null) options.say(`no command line is given for it: ${why}`)
    records.push({
      constraints: cause.constraints,
      threshold:
        threshold === null ? null : { key: threshold.key, failsAt: threshold.failsAt, passesAt: threshold.passesAt },
      confidence: confidenceOf(prober, cause, found),
      remedy: {
        relaxations: await relaxationsOf(prober, { cause, rest, threshold }),
        patch: patched,
      },
      reproduction: made,
      notReproduced: why,
    })
  }
  const complete = found.complete && causes.every(({ threshold }) => threshold?.complete !== false)
  const probes = relativeTo(prober.records, found.causes, recorded(record))
  const partly = found.complete ? 'the budget ended within a threshold' : `${found.because}; what is named is verified`
  return {
    type: 'cell-explained',
    cell: record.id,
    diagnosis: found.diagnosis,
    causes: records.map((one, index) => ({
      ...one,
      probes: probes.filter((probe) => found.causes[index] !== undefined && concerns(probe, found.causes[index])),
    })),
    explanation: {
      summary: summaryOf(found, record, causes),
      confidence: found.causes.length === 0 ? found.because : complete ? 'verified both ways' : partly,
      probes,
      durationMs: Math.round(clock.now() - startedAt),
      complete,
    },
  }
}

/** A stack that fails with no constraint may yet pass on another engine. */
async function orEngine(
  found: SearchResult,
  options: ExplainOptions & { readonly prober: Prober; readonly variable: Variable },
): Promise<SearchResult> {
  const { say, variable } = options
  if (found.diagnosis !== 'stack') return found
  say('fails with no constraint; looks for another engine to run it on')
  const { because, asked } = await engineOf({ ...options, bare: variable.cell(new Set(), {}) })
  if (because !== null) return { ...found, diagnosis: 'engine', because }
  const elsewhere = asked.length === 0 ? 'no other engine was asked' : `it fails on ${asked.join(' and ')} too`
  return { ...found, because: `${found.because}; ${elsewhere}` }
}

async function patchFor(
  cause: FoundCause,
  options: ExplainOptions & { readonly rest: readonly string[]; readonly prober: Prober },
): Promise<NonNullable<CauseRecord['remedy']>['patch']> {
  const { cell, engine, prober, project, rest, say, trial } = options
  const row = project.rows.find(({ id }) => id === cell.row)
  const environment = project.environments.find(({ id }) => id === cell.environment)
  if (row?.kind !== 'stack' || environment === undefined) return null
  const run = async (asks: Asks) => {
    say(`tries with the stack asking for ${JSON.stringify(asks)}`)
    const patched = variableOf(withAsks(project, row, asks), cell, engineKindOf(engine))
    // What an ask adds to the cell is no atom of the environment, so that the same atoms are kept.
    const kept = new Set(rest)
    const what = { purpose: `with the stack asking for ${JSON.stringify(asks)}`, kept, values: {} }
    return prober.try(what, async (signal) => answerOf(await trial(patched.cell(kept, {}), { signal })))
  }
  try {
    return await patchOf({ row, environment, cause, run: options.tryPatches ? run : null })
  } catch (error) {
    // What was to be tried and was not is not shown.
    if (error instanceof BudgetError) return null
    throw error
  }
}

function reproductionFor(
  cause: FoundCause,
  options: ExplainOptions & {
    readonly found: SearchResult
    readonly variable: Variable
    readonly patched: NonNullable<CauseRecord['remedy']>['patch']
  },
): Reproduced {
  const { cell, engine, found, patched, project, record, variable } = options
  if (record.image === null) return { made: null, why: 'it is not known which image was run' }
  const under = (atoms: readonly string[]) => variable.cell(new Set(atoms), {})
  // Without a grace nothing is tested, so that only what stops in time shows anything.
  const stops = cause.failure.answer.stage === 'stop'
  if (stops && patched?.passes !== true) {
    return { made: null, why: 'nothing is known with which it stops in time (explain --try looks for it)' }
  }
  const row = project.rows.find(({ id }) => id === cell.row)
  const withInit =
    stops && row?.kind === 'stack'
      ? variableOf(withAsks(project, row, { init: true }), cell, engineKindOf(engine))
      : null
  return reproductionOf({
    failing: under([...found.background, ...cause.constraints]),
    passing: withInit?.cell(new Set([...found.background, ...cause.constraints]), {}) ?? under(found.background),
    failure: cause.failure,
    imageId: record.image.id,
    engine,
    variableOf: (secret) => {
      const source = project.secrets[secret]
      return source !== undefined && 'env' in source ? source.env : secret.toUpperCase().replace(/\W/g, '_')
    },
  })
}

/** A failure in time is looked into without company, which would slow it down. */
const isTimed = ({ reason }: CellRecord): boolean => reason === 'deadline' || reason === 'killed'
