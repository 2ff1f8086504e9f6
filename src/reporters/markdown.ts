/** A summary for a pull request or a job page. */
import { oneLine } from '../lib/printable.ts'
import type { CellOutcome } from '../model/outcome.ts'
import type { RunRecord } from '../model/run-record.ts'
import { verdictSentence } from './sentence.ts'

const symbols: Readonly<Record<CellOutcome, string>> = {
  pass: '✅ pass',
  fail: '❌ fail',
  error: '⚠️ error',
  blocked: '⛔ blocked',
  excluded: '➖ excluded',
  cancelled: '⏹️ cancelled',
  'not-run': '❔',
}

export function renderMarkdown(run: RunRecord): string {
  const cells = new Map(run.cells.map((cell) => [cell.id, cell]))
  const columns = run.environments.map((environment) => environment.id)
  const lines = [
    `## ${escapeMarkup(verdictSentence(run))}`,
    '',
    `| | ${columns.map(escapeMarkup).join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    ...run.stacks.map((row) => {
      const states = columns.map((column) => {
        const cell = cells.get(`${row.id}@${column}`)
        return cell === undefined ? '' : symbols[cell.outcome]
      })
      return `| **${escapeMarkup(row.id)}** | ${states.join(' | ')} |`
    }),
    '',
  ]
  for (const cell of run.cells) {
    if (cell.outcome === 'pass') continue
    const stage = cell.stage === null ? '' : ` at ${cell.stage}`
    const reason = cell.reason === null ? '' : ` (${cell.reason})`
    lines.push(`- **${escapeMarkup(cell.id)}** ${cell.outcome}${stage}${reason}: ${escapeMarkup(cell.message ?? '')}`)
  }
  lines.push('', `Run ${run.id}, started ${run.startedAt}, ${run.tool.name} ${run.tool.version}.`, '')
  return lines.join('\n')
}

/** Everything that Markdown or HTML could take for markup is escaped: messages hold what a container wrote. */
const escapeMarkup = (text: string): string =>
  oneLine(text, 500).replace(/[\\`*_[\]|<>&~@:]/g, (char) => `&#${char.charCodeAt(0)};`)
