import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import { suspectEngines } from '../../../src/model/suspect-engines.ts'
import { renderHtml } from '../../../src/reporters/html/html.tsx'
import { renderMarkdown } from '../../../src/reporters/markdown.ts'
import { suspectSentences } from '../../../src/reporters/sentence.ts'
import { renderFinal } from '../../../src/reporters/terminal-final.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const rows = ['api', 'db', 'web', 'queue']
const environments = ['qa', 'vm']

/** Each environment on an engine of its own; what fails does so alike, but for the cells that are named. */
function runOf(
  cells: Readonly<Record<string, CellOutcome>>,
  otherwise: { readonly differ?: readonly string[]; readonly more?: readonly RunEvent[] } = {},
) {
  const events = eventsOf(rows, environments, cells).map((event): RunEvent => {
    if (event.type === 'cell-started') return { ...event, engine: `unix:///run/${event.cell.split('@')[1]}.sock` }
    const differs = event.type === 'cell-finished' && otherwise.differ?.includes(event.cell) === true
    return differs ? { ...event, signature: `s1:${event.cell}` } : event
  })
  return foldRun([...events, ...(otherwise.more ?? []), finished])
}
const passing = { 'api@vm': 'pass', 'db@vm': 'pass', 'web@vm': 'pass', 'queue@vm': 'pass' } as const
const failing = { 'api@qa': 'fail', 'db@qa': 'fail', 'web@qa': 'fail', 'queue@qa': 'pass' } as const

describe('an engine', () => {
  test('is suspect where over half of its cells fail alike', () => {
    const run = runOf({ ...passing, ...failing })
    expect(suspectEngines(run)).toMatchObject([
      { environments: ['qa'], cells: [{ id: 'api@qa' }, { id: 'db@qa' }, { id: 'web@qa' }], of: 4 },
    ])
    const [sentence = ''] = suspectSentences(run)
    expect(sentence).toBe('Look at the engine of qa first: 3 of its 4 cells fail alike: it did not hold')
    const options = { columns: 200, color: false, reportPath: 'x', timing: false, evidence: () => null }
    expect(renderFinal(run, options)).toContain(sentence)
    expect(renderMarkdown(run)).toContain('the engine of qa first')
    const assets = { style: '', script: '' }
    const context = { runs: [], since: new Map(), requirements: new Map(), evidence: () => null, assets }
    expect(renderHtml(run, context)).toContain(sentence)
  })

  const need = (outcome: CellOutcome) => ({ stack: 'db', imageId: 'sha256:0', outcome })
  const needs = ['api@qa', 'web@qa'].map(
    (cell, index): RunEvent => ({ atMs: 50 + index, type: 'cell-need', cell, need: need('fail') }),
  )
  const cause = { constraints: ['read_only'], threshold: null, confidence: '', probes: [], remedy: null }
  const explained = ['api@qa', 'db@qa'].map(
    (cell): RunEvent => ({
      atMs: 60,
      type: 'cell-explained',
      cell,
      diagnosis: 'constraints',
      causes: [{ ...cause, reproduction: null, notReproduced: '' }],
      explanation: { summary: '', confidence: '', probes: [], durationMs: 1, complete: true },
    }),
  )
  test.each([
    ['half of them do', runOf({ ...passing, ...failing, 'web@qa': 'pass' })],
    ['each fails otherwise', runOf({ ...passing, ...failing }, { differ: ['db@qa', 'web@qa'] })],
    ['they fail so on every engine', runOf({ ...failing, 'api@vm': 'fail', 'db@vm': 'fail', 'web@vm': 'fail' })],
    ['one stack that the others need is down', runOf({ ...passing, ...failing }, { more: needs })],
    ['they were found to fail because of a constraint', runOf({ ...passing, ...failing }, { more: explained })],
    ['two cells ran', runOf({ 'api@qa': 'fail', 'db@qa': 'fail' })],
    ['nothing was started', runOf({})],
  ])('is not where %s', (_, run) => {
    expect(suspectEngines(run)).toEqual([])
  })
})
