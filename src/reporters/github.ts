/** What GitHub Actions reads out of a job's log: annotations, and a fence that keeps a container from writing them. */
import { oneLine } from '../lib/printable.ts'
import type { RunRecord } from '../model/run-record.ts'
import { becauseOf, causesOf } from './causes.ts'

/** GitHub shows ten of a step. */
const maxAnnotations = 10

/** Between the two no line of the log is a command. `token` must not be guessed by what is between them. */
export const fence = (token: string): { readonly begin: string; readonly end: string } => ({
  begin: `::stop-commands::${token}\n`,
  end: `::${token}::\n`,
})

/** One a cause, and only of what is new: a failure that is known is no news. */
export function renderAnnotations(run: RunRecord): string {
  const explained = causesOf(run)
  const causes = new Map<string, { readonly message: string; readonly level: string; readonly cells: string[] }>()
  for (const cell of run.cells) {
    const failed = cell.outcome === 'fail' && cell.waiver === null
    const trouble = cell.outcome === 'error' || cell.outcome === 'blocked'
    if ((!failed && !trouble) || cell.change === 'unchanged') continue
    const because = becauseOf(cell, explained)
    // For one cause stacks fail each in its own words.
    const key = `${cell.outcome} ${because ?? cell.signature ?? cell.message}`
    const known = causes.get(key)
    if (known) known.cells.push(cell.id)
    else {
      const level = failed || cell.reason === 'build-step' ? 'error' : 'warning'
      const why = because === null ? '' : `fails because of ${because}: `
      causes.set(key, { message: `${why}${cell.message ?? cell.outcome}`, level, cells: [cell.id] })
    }
  }
  return [...causes.values()]
    .slice(0, maxAnnotations)
    .map(({ message, level, cells }) => {
      const [first = '', ...others] = cells
      const title = others.length === 0 ? first : `${first} and ${others.length} more`
      return `::${level} title=${property(title)}::${data(oneLine(message, 500))}\n`
    })
    .join('')
}

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
