/** Thresholds of cells that exist only as rules. */
import { expect, test } from 'vitest'
import { type Answer, keeping } from '../../../src/explain/probe.ts'
import { defaultBudget, Prober } from '../../../src/explain/prober.ts'
import { findThreshold } from '../../../src/explain/threshold.ts'
import { failing, passing, simulatedCell } from '../../support/simulated-cell.ts'

const unseen: Answer = { ...failing('s1:unseen'), outcome: 'unresolved' }

/** The threshold of a cell that answers by its number of processes; the environment's own is 10. */
async function thresholdOf(answer: (pids: number) => Answer) {
  const subject = simulatedCell(['pids_limit'], [], {
    answer: ({ kept, values }) => (kept.has('pids_limit') ? answer(values['pids_limit'] ?? 10) : passing),
  })
  using prober = new Prober(subject, {
    budget: defaultBudget,
    parallel: 2,
    signal: new AbortController().signal,
    known: [],
    onProbe: () => {},
  })
  const [failed] = await prober.ask(keeping(['pids_limit']))
  const cause = {
    constraints: ['pids_limit'],
    failure: { answer: failed ?? expect.fail('no answer'), likeness: 'signature' as const },
  }
  return findThreshold(prober, { cause, rest: ['pids_limit'], values: { pids_limit: 10 }, say: () => {} })
}

test('is an interval whose ends are near each other and confirmed', async () => {
  const found = await thresholdOf((pids) => (pids < 55 ? failing('s1:a') : passing))
  expect(found).toMatchObject({ key: 'pids_limit', complete: true })
  expect(found?.failsAt).toBeLessThan(55)
  expect(found?.passesAt).toBeGreaterThanOrEqual(55)
  expect((found?.passesAt ?? 0) / (found?.failsAt ?? 1)).toBeLessThanOrEqual(1.2)
})

test('a value that could not be observed does not count as one that fails', async () => {
  const found = await thresholdOf((pids) =>
    pids >= 80 ? passing : pids > 10 && pids < 80 && pids !== 40 ? unseen : failing('s1:a'),
  )
  expect(found).toBeNull()
  const near = await thresholdOf((pids) => (pids >= 80 ? passing : pids > 40 ? unseen : failing('s1:a')))
  expect(near).toEqual({ key: 'pids_limit', failsAt: 40, passesAt: 80, complete: false })
})
