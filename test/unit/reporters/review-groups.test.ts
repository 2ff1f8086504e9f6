import { expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { Diagnosis } from '../../../src/model/run-record.ts'
import { renderExplanation } from '../../../src/reporters/explanation.ts'
import { renderAnnotations } from '../../../src/reporters/github.ts'
import { renderHtml } from '../../../src/reporters/html/html.tsx'
import { reviewGroups } from '../../../src/reporters/html/review-groups.ts'
import { viewOf } from '../../../src/reporters/html/view.ts'
import { causesSentence } from '../../../src/reporters/sentence.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const context = {
  runs: [],
  since: new Map(),
  requirements: new Map(),
  evidence: () => null,
  assets: { style: '', script: '' },
}

/** With causes of one atom each. */
const explained = (cell: string, diagnosis: Diagnosis, atoms: readonly string[] = []): RunEvent => ({
  atMs: 8000,
  type: 'cell-explained',
  cell,
  diagnosis,
  causes: atoms.map((atom) => ({
    constraints: [atom],
    threshold: null,
    confidence: '',
    probes: [],
    remedy: { relaxations: [{ change: `lift ${atom}`, constraints: [atom], passes: true }], patch: null },
    reproduction: null,
    notReproduced: '',
  })),
  explanation: { summary: 'because', confidence: '', probes: [], durationMs: 1, complete: true },
})

test.each(['flaky', 'stack', 'unresolved', 'contention'] as const)(
  'a cell that was found %s takes no cause of a cell of its signature',
  (diagnosis) => {
    const cells = { 'api@qa': 'fail', 'web@qa': 'fail', 'db@qa': 'fail' } as const
    const run = foldRun([
      ...eventsOf(['api', 'web', 'db'], ['qa'], cells),
      explained('api@qa', 'constraints', ['read_only']),
      explained('web@qa', diagnosis),
      finished,
    ])
    expect(
      reviewGroups(viewOf(run, context)).map((group) => [group.title, group.cells.map(({ cell }) => cell.id)]),
    ).toEqual([
      ['Fails because of read_only', ['api@qa', 'db@qa']],
      ['A check does not hold: it did not hold', ['web@qa']],
    ])
  },
)

test('an annotation stands for a cause, in whatever words stacks fail of it', () => {
  const events = eventsOf(['api', 'web', 'db'], ['qa'], { 'api@qa': 'fail', 'web@qa': 'fail', 'db@qa': 'fail' })
  const otherwise = events.map((event) =>
    event.type === 'cell-finished' && event.cell !== 'api@qa' ? { ...event, signature: `s1:${event.cell}` } : event,
  )
  const found = ['api@qa', 'web@qa'].map((cell) => explained(cell, 'constraints', ['read_only']))
  expect(renderAnnotations(foldRun([...otherwise, ...found, finished]))).toBe(
    '::error title=api@qa and 1 more::fails because of read_only: it did not hold\n' +
      '::error title=db@qa::it did not hold\n',
  )
})

test('a cell with several causes is told all of them, and passes only with each of them lifted', () => {
  const run = foldRun([
    ...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }),
    explained('api@qa', 'constraints', ['read_only', 'user']),
    finished,
  ])
  expect(reviewGroups(viewOf(run, context))).toMatchObject([
    { title: 'Fails because of read_only, and of user', detail: 'It passes with: lift read_only, and lift user' },
  ])
  expect(renderHtml(run, context)).not.toContain('Each of these alone ends it:')
  const [cell] = run.cells
  const told = cell === undefined ? [] : renderExplanation(cell, { color: false, probes: false })
  expect(told).toContain('    remedy: lift read_only (passes with the other causes lifted)')
  expect(causesSentence(run)).toBe('1 red = 2 causes: read_only (1), user (1).')
})
