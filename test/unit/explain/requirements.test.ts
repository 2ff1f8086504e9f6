import { expect, test } from 'vitest'
import { findRequirements, strictestEnvironment } from '../../../src/explain/requirements.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import type { Project, StackRow } from '../../../src/model/project.ts'
import { somewhere, stackRow } from '../../support/declared.ts'
import { failing } from '../../support/simulated-cell.ts'

const row = stackRow()

test.each([
  ['fail', 'fails'],
  ['error', 'unobserved'],
] as const)('where with no constraint the outcome is %s, it %s', async (outcome, expected) => {
  const project = {
    rows: [row],
    environments: [strictestEnvironment(somewhere)],
    exclusions: [],
  } as Partial<Project> as Project
  const found = await findRequirements({
    project,
    row,
    trial: async () => ({ ...failing('s1:a'), outcome, checks: [], evidence: [] }),
    parallel: 1,
    budgetMs: 60_000,
    clock: systemClock,
    signal: new AbortController().signal,
    say: () => {},
    onProbe: () => {},
  })
  expect(found).toBe(expected)
})

test('what it needs beside it is under no constraint', async () => {
  const need: StackRow = { ...row, id: 'db', base: 'db', title: 'DB' }
  const withNeed: StackRow = { ...row, needs: [{ alias: 'db', row: 'db' }] }
  const project = {
    rows: [withNeed, need],
    environments: [strictestEnvironment(somewhere)],
    exclusions: [],
  } as Partial<Project> as Project
  const passing = { outcome: 'pass' as const, stage: null, reason: null, message: null, signature: null }
  const onNeed: unknown[] = []
  const onWorkload = new Set<string>()
  const found = await findRequirements({
    project,
    row: withNeed,
    trial: async ({ copies }) => {
      for (const { role, config } of copies) {
        if (role === 'need') onNeed.push(config.constraints)
        else for (const key of Object.keys(config.constraints)) onWorkload.add(key)
      }
      return { ...passing, durationMs: 1, checks: [], evidence: [] }
    },
    parallel: 1,
    budgetMs: 60_000,
    clock: systemClock,
    signal: new AbortController().signal,
    say: () => {},
    onProbe: () => {},
  })
  expect(found).toMatchObject({ together: true, complete: true, egress: 'none' })
  expect(new Set(onNeed.map((constraints) => JSON.stringify(constraints)))).toEqual(new Set(['{}']))
  expect([...onWorkload]).toEqual(expect.arrayContaining(['mem_limit', 'read_only', 'user', 'cap_drop']))
})
