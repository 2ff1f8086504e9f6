import { expect, test } from 'vitest'
import { runAgain } from '../../../src/commands/run-again.ts'
import type { RunEvent, RunEventBody } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import type { Plan, RunnableCell } from '../../../src/model/plan.ts'
import { verdictOf } from '../../../src/model/verdict.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const signature = 's1:0123456789ab'
const cells = { 'api@new': 'fail', 'api@old': 'fail', 'api@good': 'pass', 'api@lost': 'error' } as const
const started = eventsOf(['api'], ['new', 'old', 'good', 'lost'], cells).map((event): RunEvent => {
  if (event.type !== 'run-started') return event
  const old = { outcome: 'fail' as const, signature, waived: false }
  const good = { outcome: 'pass' as const, signature: null, waived: false }
  const before = { 'api@new': good, 'api@old': old, 'api@good': good, 'api@lost': good }
  return { ...event, baseline: { run: 'before', startedAt: '2026-01-30T00:00:00.000Z', cells: before } }
})

/** What the run comes to where the cells that are run again answer this, one after the other. */
async function after(answers: readonly CellOutcome[], nowMs = 0) {
  const left = [...answers]
  const asked: string[] = []
  const emitted: RunEventBody[] = []
  const planned = Object.keys(cells).map((id) => ({ kind: 'run', id, environment: 'e' }) as RunnableCell)
  await runAgain(
    {
      cpusOf: async () => 1,
      trial: async (cell) => {
        asked.push(cell.id)
        const outcome = left.shift() ?? 'fail'
        const failed = outcome === 'fail'
        return {
          outcome,
          stage: null,
          reason: null,
          message: null,
          signature: failed ? signature : null,
          durationMs: 5,
          checks: [],
          evidence: [],
        }
      },
    },
    {
      plan: { cells: planned } as unknown as Plan,
      fold: () => foldRun(started),
      clock: { now: () => nowMs, wall: () => '', sleep: async () => {} },
      untilMs: 100,
      signal: new AbortController().signal,
      emit: (event) => emitted.push(event),
      progress: () => {},
    },
  )
  const run = foldRun([...started, ...emitted.map((event) => ({ atMs: 8000, ...event }) as RunEvent), finished])
  return { run, asked, cell: run.cells.find((one) => one.id === 'api@new') }
}

test('only what newly fails is run again, twice', async () => {
  const { asked, cell } = await after(['fail', 'fail'])
  expect(asked).toEqual(['api@new', 'api@new'])
  expect(cell).toMatchObject({ outcome: 'fail', flaky: false, again: [{ outcome: 'fail' }, { outcome: 'fail' }] })
})

test('where it passes then, it is called flaky, and stays failed', async () => {
  const { cell, run } = await after(['fail', 'pass'])
  expect(cell).toMatchObject({ outcome: 'fail', flaky: true })
  expect(verdictOf(run, 'ended').exitCode).toBe(1)
})

test('when the time of the run is over, nothing is begun any more', async () => {
  expect((await after([], 101)).asked).toEqual([])
})
