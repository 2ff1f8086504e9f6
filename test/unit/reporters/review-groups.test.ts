import { expect, test } from 'vitest'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { Diagnosis } from '../../../src/model/run-record.ts'
import { reviewGroups } from '../../../src/reporters/html/review-groups.ts'
import { viewOf } from '../../../src/reporters/html/view.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const explained = (cell: string, diagnosis: Diagnosis, atoms: readonly string[] = []): RunEvent => ({
  atMs: 8000,
  type: 'cell-explained',
  cell,
  diagnosis,
  causes:
    atoms.length === 0
      ? []
      : [
          {
            constraints: atoms,
            threshold: null,
            confidence: '',
            probes: [],
            remedy: null,
            reproduction: null,
            notReproduced: '',
          },
        ],
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
    const view = viewOf(run, {
      runs: [],
      since: new Map(),
      evidence: () => null,
      assets: { style: '', script: '' },
    })
    expect(reviewGroups(view).map((group) => [group.title, group.cells.map(({ cell }) => cell.id)])).toEqual([
      ['Fails because of read_only', ['api@qa', 'db@qa']],
      ['A check does not hold: it did not hold', ['web@qa']],
    ])
  },
)
