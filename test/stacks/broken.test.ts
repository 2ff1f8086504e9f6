/** A stack that lacks a component is red in exactly the checks about it: two stacks here, all five in level `full`. */
import { expect, test } from 'vitest'
import { breaks } from '../support/breaks.ts'
import { check } from '../support/matrix.ts'
import { broken, ownBases, ownStacks, reasonOf, redChecks } from '../support/own-stacks.ts'
import { environment, project } from '../support/project.ts'

const rows = ['queue', 'static-site']

test('without one component a stack is red in exactly the checks about it, for a reason that names it', async () => {
  const few = breaks.filter(({ row }) => rows.includes(row))
  using made = project({ ...ownBases, ...environment('plain'), ...broken(ownStacks(rows), few) })
  const run = await check(made.root, '--no-rerun')
  expect(few).toHaveLength(rows.length)
  for (const { row, red, named } of few) {
    const cell = run.cell(`${row}@plain`)
    expect(cell).toMatchObject({ outcome: 'fail', stage: 'check' })
    expect(redChecks(cell)).toEqual(red)
    expect(reasonOf(cell)).toMatch(named)
  }
  expect(run.exitCode).toBe(1)
})
