import { expect, test } from 'vitest'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CauseRecord, ExplanationRecord } from '../../../src/model/run-record.ts'
import { renderExplanation } from '../../../src/reporters/explanation.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const untried = {
  ...{
    constraints: ['read_only'],
    threshold: null,
    confidence: '',
    probes: [],
    reproduction: null,
    notReproduced: null,
  },
  remedy: {
    relaxations: [],
    patch: { file: 'stacks/api/stack.yaml', yaml: 'service: { tmpfs: [/srv] }\n', passes: null },
  },
} as const

function told(
  summary: string,
  more: Partial<ExplanationRecord>,
  causes: readonly CauseRecord[] = [],
): readonly string[] {
  const explanation = {
    summary,
    confidence: 'it fails alone too',
    probes: [],
    durationMs: 1000,
    complete: true,
    ...more,
  }
  const found = {
    atMs: 8000,
    type: 'cell-explained',
    cell: 'api@qa',
    diagnosis: 'stack',
    causes,
    explanation,
  } as const
  const [cell] = foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }), found, finished]).cells
  return cell === undefined ? [] : renderExplanation(cell, { color: false, probes: false })
}

test('what the summary says already is not said again', () => {
  expect(told('api is broken: it fails alone too', {})).toEqual([
    'api is broken: it fails alone too',
    '  0 probes, in 1.0 s',
  ])
  expect(told('api is broken: it fails alone too', { complete: false })).toContain(
    '  The search did not come to its end',
  )
})

test('what it does not say is said once', () => {
  expect(told('api is broken', {})).toContain('  it fails alone too')
  expect(told('api is broken', { complete: false }).filter((line) => line.includes('alone'))).toHaveLength(1)
})

test('what the stack could ask for is said to be not tried where it was not', () => {
  expect(told('because', {}, [untried])).toContain('    or in stacks/api/stack.yaml (not tried; with --try it is):')
})
