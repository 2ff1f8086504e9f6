/** What is told of the runs of a search. */
import { expect, test } from 'vitest'
import { keeping } from '../../../src/explain/probe.ts'
import { defaultBudget, type Probed, Prober } from '../../../src/explain/prober.ts'
import { failing, simulatedCell } from '../../support/simulated-cell.ts'

test('each run is told as it begins and as it is over, also one that broke', async () => {
  const told: Probed[] = []
  const subject = simulatedCell(['init', 'read_only'], [], {
    answer: ({ kept }) => {
      if (kept.size === 0) throw new Error('broke')
      return failing('s1:a')
    },
  })
  using prober = new Prober(subject, {
    budget: defaultBudget,
    parallel: 1,
    signal: new AbortController().signal,
    known: [],
    onProbe: (probe) => told.push(probe),
  })
  await prober.ask(keeping(['init']))
  await expect(prober.ask(keeping([]))).rejects.toThrow('broke')
  const first = { number: 1, purpose: 'with only init' }
  const second = { number: 2, purpose: 'with no constraint' }
  expect(told).toEqual([
    { ...first, state: 'begins' },
    { ...first, state: 'over' },
    { ...second, state: 'begins' },
    { ...second, state: 'over' },
  ])
})
