/** The project's own stacks under every constraint at once, in locales that no image has. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { strictEnvironment } from '../support/environments.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

const locales = { ascii: 'POSIX', japanese: 'ja_JP.eucJP', german: 'de_DE.ISO-8859-1' }

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  const places = Object.entries(locales).map(([id, locale]) => environment(id, strictEnvironment(locale)))
  made = project(Object.assign({ ...ownBases, ...ownStacks() }, ...places))
  run = await check(made.root)
})
afterAll(() => made?.[Symbol.dispose]())

test.each(Object.keys(locales))('every row is green in a locale that is %s', (id) => {
  const cells = run.run.cells.filter((cell) => cell.environment === id)
  expect(cells.length).toBeGreaterThan(8)
  expect(cells.flatMap((cell) => (cell.outcome === 'pass' ? [] : [`${cell.id}: ${cell.message}`]))).toEqual([])
})
