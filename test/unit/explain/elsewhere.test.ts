/** Which other engines a stack is run on, and what is made of it. */
import { expect, test } from 'vitest'
import { EngineError } from '../../../src/engines/engine.ts'
import { type Elsewhere, engineOf } from '../../../src/explain/elsewhere.ts'
import { defaultBudget, Prober } from '../../../src/explain/prober.ts'
import type { RunnableCell } from '../../../src/model/plan.ts'
import type { EngineRecord } from '../../../src/model/run-record.ts'
import { simulatedCell } from '../../support/simulated-cell.ts'

const engine: EngineRecord = {
  name: 'docker',
  version: '26.1.5',
  apiVersion: '1.45',
  ociRuntime: 'runc',
  rootless: false,
  kernel: '6.1',
  cgroup: '2',
  arch: 'amd64',
  nodes: 1,
}
const column = (environment: string, passed: boolean, other: Partial<EngineRecord> = {}): Elsewhere => ({
  environment,
  passed,
  engine: { ...engine, ...other },
})

/** @param passes the environments on whose engines it passes */
async function found(elsewhere: readonly Elsewhere[], passes: readonly string[], probes = defaultBudget.probes) {
  const asked: string[] = []
  using prober = new Prober(simulatedCell([], []), {
    budget: { ...defaultBudget, probes },
    parallel: 1,
    signal: new AbortController().signal,
    known: [],
    onProbe: () => {},
  })
  const result = await engineOf({
    engine,
    elsewhere,
    bare: { environment: 'here' } as RunnableCell,
    prober,
    trial: async ({ environment }) => {
      asked.push(environment)
      if (environment === 'gone') throw new EngineError('unreachable', 'it does not answer')
      const outcome = passes.includes(environment) ? 'pass' : 'fail'
      const nothing = { stage: null, reason: null, message: null, signature: null }
      return { outcome, ...nothing, durationMs: 1, checks: [], evidence: [] }
    },
  })
  return { ...result, asked, told: result.asked, records: prober.records, spent: prober.spent }
}

test('an engine of the same version with another runtime is another engine', async () => {
  const { because, records } = await found([column('sandbox', true, { ociRuntime: 'runsc' })], ['sandbox'])
  expect(because).toContain('ociRuntime (runc, runsc)')
  expect(records.map(({ purpose }) => purpose)).toEqual(Array(2).fill('with no constraint, on the engine of sandbox'))
})

test('between two versions the defaults that differ are told', async () => {
  const { because } = await found([column('old', true, { version: '20.10.24' })], ['old'])
  expect(because).toContain('version (26.1.5, 20.10.24), io_uring (denied, allowed)')
})

test('a column on an equal engine says nothing', async () => {
  expect(await found([column('twin', true)], ['twin'])).toMatchObject({ because: null, asked: [], told: [] })
})

test('where it passed is asked first, then the nearest; one that fails leads on to the next', async () => {
  const columns = [
    column('far', false, { name: 'podman', version: '5', ociRuntime: 'crun' }),
    column('near', false, { version: '20.10.24' }),
    column('passed', true, { name: 'podman', version: '4' }),
  ]
  const { asked, because } = await found(columns, ['far'])
  expect(asked).toEqual(['passed', 'near', 'far', 'far'])
  expect(because).toContain('passes on podman 5 (far)')
})

test('that it fails on the others too is told with their names', async () => {
  const { because, told } = await found([column('near', false, { version: '20.10.24' })], [])
  expect({ because, told }).toEqual({ because: null, told: ['docker 20.10.24 (near)'] })
})

test('it keeps the budget, and an engine that is gone ends it', async () => {
  const other = { version: '20.10.24' }
  expect(await found([column('near', true, other)], ['near'], 1)).toMatchObject({ because: null, spent: 1 })
  expect(await found([column('gone', true, other)], [])).toMatchObject({ because: null, told: [] })
})
