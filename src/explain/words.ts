/** What a search found, in words, and the probes that show it. */
import { amountOf } from '../model/constraint.ts'
import type { CellRecord, ProbeRecord } from '../model/run-record.ts'
import { type Answer, type Configuration, type FoundCause, judge, keeping } from './probe.ts'
import type { Prober } from './prober.ts'
import type { SearchResult } from './search.ts'
import type { Threshold } from './threshold.ts'

export interface FoundThreshold {
  readonly cause: FoundCause
  readonly threshold: Threshold | null
}

/** A failure that is none of those that were looked into resolves nothing. */
export function relativeTo(
  records: readonly ProbeRecord[],
  causes: readonly FoundCause[],
  own: Answer,
): readonly ProbeRecord[] {
  const failures = [{ answer: own, likeness: 'signature' as const }, ...causes.map(({ failure }) => failure)]
  return records.map((probe) => {
    const known = failures.some((failure) => judge({ ...probe, check: null, clues: '' }, failure) === 'same')
    return probe.outcome === 'fail' && !known ? { ...probe, outcome: 'unresolved' } : probe
  })
}

/** Only it, everything but it, nothing, and it with other values. */
export function concerns(probe: ProbeRecord, { constraints }: FoundCause): boolean {
  const only = probe.kept.length === constraints.length && constraints.every((atom) => probe.kept.includes(atom))
  const without = probe.lifted.length === constraints.length && constraints.every((atom) => probe.lifted.includes(atom))
  return only || without || probe.kept.length === 0 || constraints.some((atom) => atom in probe.values)
}

export function confidenceOf(prober: Prober, cause: FoundCause, found: SearchResult): string {
  const count = (configuration: Configuration, wanted: 'pass' | 'same') => {
    const answers = prober.heard(configuration)
    const right = answers.filter((answer) => judge(answer, cause.failure) === wanted).length
    return { right, of: answers.length, text: `${right} of ${answers.length} times` }
  }
  const { background } = found
  const alone = count(keeping([...background, ...cause.constraints]), 'same')
  const lifted = new Set(found.causes.flatMap(({ constraints }) => constraints))
  const kept = prober.subject.atoms.filter((atom) => !lifted.has(atom) || background.includes(atom))
  const rest = count(keeping(kept), 'pass')
  const others = found.causes.length > 1 ? 'it and the other causes' : 'it'
  const unanimous = alone.right === alone.of && rest.right === rest.of && rest.of > 0
  const degree = !found.complete ? 'in part' : unanimous ? 'high' : 'good'
  const without = rest.of === 0 ? '' : `, without ${others} the cell passes (${rest.text})`
  const beside = found.causes.filter((one) => one !== cause).flatMap(({ constraints }) => constraints)
  const lacking = [...new Set(beside)].filter((atom) => !cause.constraints.includes(atom))
  const tried =
    lacking.length === 0 ? '' : `; what ends it and any threshold were tried with ${lacking.join(', ')} lifted`
  return `${degree}: with it alone the stack fails in the same way (${alone.text})${without}${tried}`
}

const between = ({ key, failsAt, passesAt }: Threshold): string =>
  ` (fails at ${amountOf(key, failsAt)}, passes at ${amountOf(key, passesAt)})`

export function summaryOf(found: SearchResult, record: CellRecord, causes: readonly FoundThreshold[]): string {
  const { because } = found
  switch (found.diagnosis) {
    case 'constraints': {
      const named = causes.map(({ cause, threshold }) => {
        return `${cause.constraints.join(' with ')}${threshold === null ? '' : between(threshold)}`
      })
      return `${record.id} fails because of ${named.join(', and of ')}`
    }
    case 'engine':
      return `${record.id} fails because of its engine: ${because}`
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
