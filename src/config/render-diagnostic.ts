/** Shows a diagnostic as a person reads it: where, what, the line with a caret, what would be accepted. */
import { createColors } from 'picocolors'
import { printable } from '../lib/printable.ts'
import type { Diagnostic } from '../model/diagnostic.ts'

const maxLineChars = 160

export function renderDiagnostic(diagnostic: Diagnostic, options: { readonly color: boolean }): string {
  const paint = createColors(options.color)
  const { at } = diagnostic
  const severity = diagnostic.severity === 'error' ? paint.red('error') : paint.yellow('warning')
  const lines = [
    `${printable(at.file)}:${at.line}:${at.column} ${severity}[${diagnostic.code}]: ${printable(diagnostic.message)}`,
  ]
  if (diagnostic.sourceLine !== undefined && diagnostic.sourceLine !== '') {
    const number = String(at.line)
    // A caret far to the right is brought into view with the part of the line around it.
    const from = at.column > maxLineChars ? at.column - 40 : 0
    // A tab is one column under the caret, and to be seen: YAML takes none to indent with.
    const shown = printable(diagnostic.sourceLine.slice(from, from + maxLineChars)).replace(/\t/g, '→')
    const width = Math.max(1, Math.min(at.length, shown.length - (at.column - 1 - from)))
    lines.push(` ${number} | ${shown}`)
    lines.push(
      ` ${' '.repeat(number.length)} | ${' '.repeat(Math.max(0, at.column - 1 - from))}${paint.red('^'.repeat(width))}`,
    )
  }
  if (diagnostic.allowed !== undefined && diagnostic.allowed.length > 0) {
    lines.push(`    allowed: ${diagnostic.allowed.map(printable).join(', ')}`)
  }
  if (diagnostic.hint !== undefined) lines.push(`    ${printable(diagnostic.hint)}`)
  return lines.join('\n')
}
