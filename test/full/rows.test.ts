/** One component of a stack broken: exactly its row turns red, in exactly the checks about it, for a reason that names it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { breaks } from '../support/breaks.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { broken, ownBases, ownStacks, reasonOf, redChecks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  made = project({ ...ownBases, ...environment('plain'), ...broken(ownStacks(), breaks) })
  run = await check(made.root, '--no-rerun')
})
afterAll(() => made?.[Symbol.dispose]())

test.each(breaks)('$row without $part', ({ row, red, named }) => {
  const cell = run.cell(`${row}@plain`)
  expect(cell).toMatchObject({ outcome: 'fail', stage: 'check' })
  expect(redChecks(cell)).toEqual(red)
  expect(reasonOf(cell)).toMatch(named)
})

test('no other row turns red', () => {
  const red = run.run.cells.filter((cell) => cell.outcome !== 'pass').map((cell) => cell.stack)
  expect(red).toEqual(breaks.map(({ row }) => row).sort())
  expect(run.run.cells.filter((cell) => cell.outcome === 'pass').length).toBeGreaterThanOrEqual(4)
  expect(run.exitCode).toBe(1)
})
