/** A summary for a pull request or a job page: what is new first, the matrix folded, and never too long for it. */
import { oneLine } from '../lib/printable.ts'
import type { CellRecord, RunRecord } from '../model/run-record.ts'
import { causesSentence, suspectSentences, troubleTold, unenforcedSentences, verdictSentence } from './sentence.ts'

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
  const tries = run.cells.flatMap(({ id, troubles }) =>
    troubles.map((trouble) => `- **${escapeMarkup(id)}** for ${escapeMarkup(troubleTold(trouble))}`),
  )
  return fitting([
    `## ${escapeMarkup(verdictSentence(run))}`,
    run.baseline === null ? 'There is no run before it to compare with.' : `Compared with ${run.baseline.run}.`,
    ...suspectSentences(run).map(escapeMarkup),
    ...(causes === null ? [] : [escapeMarkup(causes)]),
    ...unenforcedSentences(run).map(escapeMarkup),
    ...(fresh.length === 0 ? [] : ['### New', { lines: fresh.map(lineOf) }]),
    ...(run.lost.length === 0 ? [] : [`Lost: ${escapeMarkup(run.lost.join(', '))}`]),
    `Run ${run.id}, started ${run.startedAt}, ${run.tool.name} ${run.tool.version}.`,
    { title: 'The matrix', lines: matrixOf(run) },
    ...(others.length === 0 ? [] : [{ title: 'As before, or better', lines: others.map(lineOf) }]),
    ...(tries.length === 0 ? [] : [{ title: 'Tried again', lines: tries }]),
  ])
}

/** Lines that may be cut short; folded under their title where they have one. */
interface Lines {
  readonly title?: string
  readonly lines: readonly string[]
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

/** Of every list no more than its share of what is left is shown, and how much that leaves out is said. */
function fitting(parts: readonly (string | Lines)[]): string {
  const lists = parts.filter((part) => typeof part !== 'string').length
  const fixed = parts.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) + 2 : 0), 0)
  const share = (maxBytes - fixed) / Math.max(lists, 1)
  return `${parts.map((part) => (typeof part === 'string' ? part : within(part, share))).join('\n\n')}\n`
}

const markupBytes = 200

function within({ title, lines }: Lines, bytes: number): string {
  let left = bytes - markupBytes
  const shown = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1
    return left < 0
  })
  const text =
    shown < 0
      ? lines.join('\n')
      : [
          ...lines.slice(0, shown),
          '',
          `${lines.length - shown} more are too long for a summary; the report has them.`,
        ].join('\n')
  return title === undefined ? text : `<details><summary>${title}</summary>\n\n${text}\n\n</details>`
}

/** Everything that Markdown or HTML could take for markup is escaped: messages hold what a container wrote. */
const escapeMarkup = (text: string): string =>
  oneLine(text, 500).replace(/[\\`*_[\]|<>&~@:#]/g, (char) => `&#${char.charCodeAt(0)};`)
