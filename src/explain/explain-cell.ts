/** Explains one failing cell of a run by running it under other constraints. */
import type { Clock } from '../lib/clock.ts'
import type { CellExplained } from '../model/event.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { Project } from '../model/project.ts'
import type { CellRecord, ProbeRecord } from '../model/run-record.ts'
import { canonicalJson } from '../plan/plan.ts'
import { type Variable, variableOf } from '../plan/vary.ts'
import type { Trial, TrialResult } from '../run/trial.ts'
import { type Answer, type Configuration, type FoundCause, judge, keeping, type Subject } from './probe.ts'
import { type Budget, type KnownAnswer, Prober } from './prober.ts'
import { type SearchResult, search } from './search.ts'
import { rank } from './suspects.ts'
import { findThreshold, type Threshold } from './threshold.ts'

export interface ExplainOptions {
  readonly project: Project
  /** As it was planned. */
  readonly cell: RunnableCell
  /** As it failed. */
  readonly record: CellRecord
  /** Other cells of the run: they may have answered a question already. */
  readonly others: readonly { readonly cell: RunnableCell; readonly record: CellRecord }[]
  readonly trial: Trial
  readonly parallel: number
  readonly budget: Budget
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What is suspected and what has been ruled out. */
  readonly say: (text: string) => void
}

/** Rejects only with the signal's reason. */
export async function explainCell(options: ExplainOptions): Promise<CellExplained> {
  const { cell, clock, record } = options
  const startedAt = clock.now()
  const variable = variableOf(options.project, cell)
  const subject = subjectOf(variable, options.trial)
  using prober = new Prober(subject, {
    budget: options.budget,
    parallel: isTimed(record) ? 1 : options.parallel,
    signal: options.signal,
    known: knownAnswers(subject, options),
  })
  const found = await search(prober, { rank, hadCompany: options.others.length > 0, say: options.say })
  const causes = []
  let { complete } = found
  for (const cause of found.causes) {
    const others = found.causes.filter((one) => one !== cause).flatMap(({ constraints }) => constraints)
    const rest = subject.atoms.filter((atom) => !others.includes(atom))
    const threshold = await findThreshold(prober, { cause, rest, values: variable.values, say: options.say })
    complete &&= threshold === null || threshold.complete
    causes.push({ cause, threshold })
  }
  const probes = relativeTo(prober.records, found.causes, record)
  return {
    type: 'cell-explained',
    cell: record.id,
    diagnosis: found.diagnosis,
    causes: causes.map(({ cause, threshold }) => ({
      constraints: cause.constraints,
      threshold:
        threshold === null ? null : { key: threshold.key, failsAt: threshold.failsAt, passesAt: threshold.passesAt },
      confidence: confidenceOf(prober, cause, found),
      probes: probes.filter((probe) => concerns(probe, cause, subject.atoms)),
      remedy: null,
      reproduction: null,
    })),
    explanation: {
      summary: summaryOf(
        found,
        record,
        causes.map(({ threshold }) => threshold),
      ),
      confidence:
        found.causes.length > 0
          ? complete
            ? 'verified both ways'
            : `${found.because}; what is named is verified`
          : found.because,
      probes,
      durationMs: Math.round(clock.now() - startedAt),
      complete,
    },
  }
}

/** A failure in time is looked into without company, which would slow it down. */
const isTimed = ({ reason }: CellRecord): boolean => reason === 'deadline' || reason === 'killed'

function subjectOf(variable: Variable, trial: Trial): Subject {
  const keyOf = ({ kept, values }: Configuration) => keyOfCell(variable.cell(kept, values))
  const all = keyOf(keeping(variable.atoms))
  const none = keyOf(keeping([]))
  const matters = (atom: string) =>
    keyOf(keeping(variable.atoms.filter((one) => one !== atom))) !== all || keyOf(keeping([atom])) !== none
  return {
    atoms: [...new Set(variable.atoms)].filter(matters),
    keyOf,
    run: async ({ kept, values }, signal) => answerOf(await trial(variable.cell(kept, values), { signal })),
  }
}

/** What of a cell decides how it goes. */
function keyOfCell(cell: RunnableCell): string {
  const copies = cell.copies.map(({ alias, buildKey, config: { findings: _, ...config } }) => ({
    alias,
    buildKey,
    config,
  }))
  return canonicalJson({ copies, network: cell.network, contract: cell.contract, timeScale: cell.timeScale })
}

export function answerOf(result: TrialResult): Answer {
  const { outcome, stage, reason, message, signature, durationMs } = result
  const replies = result.checks.flatMap(({ message: said, actual }) => [said ?? '', JSON.stringify(actual)])
  const logs = result.evidence.filter(({ name }) => name.endsWith('log')).map(({ text }) => text)
  return {
    outcome: outcome === 'pass' || outcome === 'fail' ? outcome : 'unresolved',
    stage,
    reason,
    message,
    signature,
    clues: [...replies, ...logs].join('\n').slice(-64_000),
    durationMs,
  }
}

/** The cell's own answer, and those of cells that were the same by another name. */
function knownAnswers(subject: Subject, options: ExplainOptions): readonly KnownAnswer[] {
  const { cell, record, others } = options
  const own: KnownAnswer = { configuration: keeping(subject.atoms), answer: recorded(record), from: cell.id }
  const none = keeping([])
  const bare = others.find(
    (other) =>
      other.cell.row === cell.row &&
      (other.record.outcome === 'pass' || other.record.outcome === 'fail') &&
      keyOfCell(other.cell) === subject.keyOf(none),
  )
  return bare === undefined ? [own] : [own, { configuration: none, answer: recorded(bare.record), from: bare.cell.id }]
}

function recorded(record: CellRecord): Answer {
  const { outcome, stage, reason, message, signature, durationMs } = record
  return {
    outcome: outcome === 'pass' || outcome === 'fail' ? outcome : 'unresolved',
    stage,
    reason,
    message,
    signature,
    clues: record.checks.map((check) => `${check.message ?? ''} ${JSON.stringify(check.actual)}`).join('\n'),
    durationMs,
  }
}

/** A failure that is none of those that were looked into resolves nothing. */
function relativeTo(
  records: readonly ProbeRecord[],
  causes: readonly FoundCause[],
  record: CellRecord,
): readonly ProbeRecord[] {
  const failures = [
    { answer: recorded(record), likeness: 'signature' as const },
    ...causes.map(({ failure }) => failure),
  ]
  return records.map((probe) => {
    const known = failures.some((failure) => judge({ ...probe, clues: '' }, failure) === 'same')
    return probe.outcome === 'fail' && !known ? { ...probe, outcome: 'unresolved' } : probe
  })
}

/** Only it, everything but it, and it with other values. */
function concerns(probe: ProbeRecord, { constraints }: FoundCause, atoms: readonly string[]): boolean {
  const only = probe.kept.length === constraints.length && constraints.every((atom) => probe.kept.includes(atom))
  const without = probe.lifted.length === constraints.length && constraints.every((atom) => probe.lifted.includes(atom))
  const none = probe.kept.length === 0 && atoms.length > 0
  return only || without || none || constraints.some((atom) => atom in probe.values)
}

function confidenceOf(prober: Prober, cause: FoundCause, found: SearchResult): string {
  const count = (configuration: Configuration, wanted: 'pass' | 'same') => {
    const answers = prober.heard(configuration)
    const right = answers.filter((answer) => judge(answer, cause.failure) === wanted).length
    return { right, of: answers.length, text: `${right} of ${answers.length} times` }
  }
  const alone = count(keeping([...found.background, ...cause.constraints]), 'same')
  const lifted = new Set(found.causes.flatMap(({ constraints }) => constraints))
  const rest = count(
    keeping(prober.subject.atoms.filter((atom) => !lifted.has(atom) || found.background.includes(atom))),
    'pass',
  )
  const others = found.causes.length > 1 ? 'it and the other causes' : 'it'
  const unanimous = alone.right === alone.of && rest.right === rest.of && rest.of > 0
  const degree = !found.complete ? 'in part' : unanimous ? 'high' : 'good'
  const without = rest.of === 0 ? '' : `, without ${others} the cell passes (${rest.text})`
  return `${degree}: with it alone the stack fails in the same way (${alone.text})${without}`
}

function summaryOf(found: SearchResult, record: CellRecord, thresholds: readonly (Threshold | null)[]): string {
  const { causes, because } = found
  switch (found.diagnosis) {
    case 'constraints': {
      const named = causes.map(({ constraints }, index) => {
        const threshold = thresholds[index]
        const between = threshold ? ` (fails at ${threshold.failsAt}, passes at ${threshold.passesAt})` : ''
        return `${constraints.join(' with ')}${between}`
      })
      return `${record.id} fails because of ${named.join(', and of ')}`
    }
    case 'stack':
      return `${record.stack} is broken, whatever the constraints: ${because}`
    case 'flaky':
      return `${record.id} is flaky: ${because}`
    case 'contention':
      return `${record.id} fails only beside other cells: ${because}`
    case 'unresolved':
      return `why ${record.id} fails could not be found out: ${because}`
  }
}
