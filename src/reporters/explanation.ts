/** Why a cell fails, for a reader. */
import { createColors } from 'picocolors'
import { counted } from '../lib/counted.ts'
import { oneLine, printable } from '../lib/printable.ts'
import { amountOf } from '../model/constraint.ts'
import type { CauseRecord, CellRecord, ProbeRecord } from '../model/run-record.ts'
import { formatDuration } from './duration.ts'

/** Nothing where nobody looked. */
export function renderExplanation(
  cell: CellRecord,
  options: { readonly color: boolean; readonly probes: boolean },
): readonly string[] {
  const { explanation } = cell
  if (explanation === null) return []
  const colors = createColors(options.color)
  const lines = [colors.bold(oneLine(explanation.summary, 400))]
  for (const cause of cell.causes) lines.push(...causeLines(cause, cell.causes.length > 1))
  const { summary, confidence, complete } = explanation
  const more = summary.includes(confidence) ? '' : oneLine(confidence, 400)
  if (complete && cell.causes.length === 0 && more !== '') lines.push(`  ${more}`)
  const run = explanation.probes.filter(({ from }) => from === null).length
  const free = explanation.probes.length - run
  const also = free > 0 ? ` and ${counted(free, 'answer')} known before` : ''
  lines.push(`  ${counted(run, 'probe')}${also}, in ${formatDuration(explanation.durationMs)}`)
  if (!complete) lines.push(`  The search did not come to its end${more === '' ? '' : `: ${more}`}`)
  if (options.probes) for (const probe of explanation.probes) lines.push(`    ${probeLine(probe)}`)
  return lines
}

/** @param amongOthers whether the cell has other causes, which were lifted when a remedy was tried */
function causeLines(cause: CauseRecord, amongOthers: boolean): readonly string[] {
  const lines = [`  cause: ${cause.constraints.map((atom) => oneLine(atom)).join(' with ')}`]
  const { threshold, remedy, reproduction, notReproduced } = cause
  if (threshold !== null)
    lines.push(
      `    fails at ${amountOf(threshold.key, threshold.failsAt)}, passes at ${amountOf(threshold.key, threshold.passesAt)}`,
    )
  lines.push(`    confidence ${oneLine(cause.confidence, 400)}`)
  if (remedy !== null) {
    for (const { change, passes } of remedy.relaxations)
      lines.push(`    remedy: ${oneLine(change, 300)}${tried(passes, amongOthers)}`)
    if (remedy.patch !== null) {
      const how =
        remedy.patch.passes === null ? ' (not tried; with --try it is)' : tried(remedy.patch.passes, amongOthers)
      lines.push(`    or in ${remedy.patch.file}${how}:`)
      lines.push(
        ...printable(remedy.patch.yaml)
          .trimEnd()
          .split('\n')
          .map((line) => `      ${line}`),
      )
    }
  }
  if (reproduction !== null) {
    lines.push(`    fails:  ${printable(reproduction.fails)}`, `    passes: ${printable(reproduction.passes)}`)
    if (reproduction.note !== null) lines.push(`    (${oneLine(reproduction.note, 400)})`)
  }
  if (notReproduced) lines.push(`    no command line reproduces it: ${oneLine(notReproduced, 400)}`)
  return lines
}

function tried(passes: boolean | null, amongOthers: boolean): string {
  if (passes === null) return ' (not tried)'
  const beside = amongOthers ? ' with the other causes lifted' : ''
  return ` (${passes ? 'passes' : 'fails'}${beside})`
}

function probeLine(probe: ProbeRecord): string {
  const why =
    probe.outcome === 'pass' ? '' : ` at ${probe.stage} (${probe.reason}): ${oneLine(probe.message ?? '', 120)}`
  const source = probe.from === null ? '' : `, from ${probe.from}`
  return `${probe.outcome.padEnd(10)} ${oneLine(probe.purpose)}${source}${why}`
}
