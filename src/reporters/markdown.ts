/** A summary for a pull request or a job page: what is new first, the matrix folded, and never too long for it. */
import { oneLine } from '../lib/printable.ts'
import type { CellRecord, RunRecord } from '../model/run-record.ts'
import { causesSentence, verdictSentence } from './sentence.ts'

const symbols: Readonly<Record<CellRecord['outcome'], string>> = {
  pass: '✅ pass',
  fail: '❌ fail',
  error: '⚠️ error',
  blocked: '⛔ blocked',
  excluded: '➖ excluded',
  cancelled: '⏹️ cancelled',
  'not-run': '❔',
}
/** GitHub takes 1 MiB for a job; another step may want to say something too. */
const maxBytes = 800 * 1024

export function renderMarkdown(run: RunRecord): string {
  const toTell = run.cells.filter((cell) => cell.outcome !== 'pass' || cell.change === 'fixed' || cell.flaky)
  const fresh = toTell.filter(isNew)
  const others = toTell.filter((cell) => !isNew(cell))
  const causes = causesSentence(run)
  const parts = [
    `## ${escapeMarkup(verdictSentence(run))}`,
    run.baseline === null ? 'There is no run before it to compare with.' : `Compared with ${run.baseline.run}.`,
    ...(causes === null ? [] : [escapeMarkup(causes)]),
    ...(fresh.length === 0 ? [] : ['### New', fresh.map(lineOf).join('\n')]),
    ...(run.lost.length === 0 ? [] : [`Lost: ${escapeMarkup(run.lost.join(', '))}`]),
    folded('The matrix', matrixOf(run)),
    ...(others.length === 0 ? [] : [folded('As before, or better', others.map(lineOf))]),
    `Run ${run.id}, started ${run.startedAt}, ${run.tool.name} ${run.tool.version}.`,
  ]
  return fitting(parts)
}

function isNew(cell: CellRecord): boolean {
  if (cell.outcome === 'pass' || cell.outcome === 'excluded' || cell.waiver !== null) return cell.change === 'lost'
  return cell.change !== 'unchanged'
}

function lineOf(cell: CellRecord): string {
  const stage = cell.stage === null ? '' : ` at ${cell.stage}`
  const reason = cell.reason === null ? '' : ` (${cell.reason})`
  const change = cell.change === null || cell.change === 'unchanged' ? '' : `, ${cell.change}`
  const flaky = cell.flaky ? ', flaky' : ''
  const waived =
    cell.waiver === null ? '' : `, waived by ${escapeMarkup(cell.waiver.owner)} until ${cell.waiver.expires}`
  const message = cell.message === null ? '' : `: ${escapeMarkup(cell.message)}`
  const why = cell.explanation === null ? '' : ` Why: ${escapeMarkup(cell.explanation.summary)}.`
  return `- **${escapeMarkup(cell.id)}** ${cell.outcome}${stage}${reason}${change}${flaky}${waived}${message}${why}`
}

function matrixOf(run: RunRecord): readonly string[] {
  const cells = new Map(run.cells.map((cell) => [cell.id, cell]))
  const columns = run.environments.map((environment) => environment.id)
  return [
    `| | ${columns.map(escapeMarkup).join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    ...run.stacks.map((row) => {
      const states = columns.map((column) => {
        const cell = cells.get(`${row.id}@${column}`)
        if (cell === undefined) return ''
        return cell.waiver === null ? symbols[cell.outcome] : '🔶 waived'
      })
      return `| **${escapeMarkup(row.id)}** | ${states.join(' | ')} |`
    }),
  ]
}

const folded = (title: string, lines: readonly string[]): string =>
  [`<details><summary>${title}</summary>`, '', ...lines, '', '</details>'].join('\n')

/** What does not fit any more is left out from its beginning on, and said. */
function fitting(parts: readonly string[]): string {
  let left = maxBytes
  const kept: string[] = []
  for (const part of parts) {
    left -= Buffer.byteLength(part) + 2
    if (left < 0) {
      kept.push('The rest is too long for a summary; it is in the report.')
      break
    }
    kept.push(part)
  }
  return `${kept.join('\n\n')}\n`
}

/** Everything that Markdown or HTML could take for markup is escaped: messages hold what a container wrote. */
const escapeMarkup = (text: string): string =>
  oneLine(text, 500).replace(/[\\`*_[\]|<>&~@:#]/g, (char) => `&#${char.charCodeAt(0)};`)
