/** The report's file as text; test/report opens it in a browser. */
import { expect, test } from 'vitest'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { renderHtml } from '../../../src/reporters/html/html.tsx'
import { eventsOf, finished } from '../../support/runs.ts'

const context = {
  runs: [],
  since: new Map(),
  evidence: () => null,
  assets: { style: 'body{}', script: '0' },
}
/** What a reader without scripts has: everything but what is packed for one. */
const withoutScripts = (html: string): string => html.replace(/<script[\s\S]*?<\/script>/g, '')

test('a report of many cells tells without a script why some have no answer', () => {
  const rows = Array.from({ length: 20 }, (_, index) => `row-${index}`)
  const columns = Array.from({ length: 20 }, (_, index) => `place-${index}`)
  const outcomes = rows.flatMap((row, index) =>
    columns.flatMap((column): (readonly [string, CellOutcome])[] => {
      if (row === 'row-7' && column === 'place-3') return [[`${row}@${column}`, 'excluded']]
      return index === 9 ? [] : [[`${row}@${column}`, 'pass']]
    }),
  )
  const run = foldRun([...eventsOf(rows, columns, Object.fromEntries(outcomes)), finished])
  const html = withoutScripts(renderHtml(run, context))
  expect(html).toMatch(/1 cell, excluded: never shipped there<\/summary><p class="note">row-7@place-3</)
  expect(html).toMatch(
    /20 cells, not run: the run ended before the cell started<\/summary><p class="note">row-9@place-0, /,
  )
})
