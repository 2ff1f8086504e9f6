/** `matrix check --changed` on a real engine: what passed and depends on nothing that changed does not run again. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

let made: TestProject
beforeAll(() => {
  made = project({
    ...environment('here'),
    ...environment('small', 'constraints: { mem_limit: 128m }'),
    // Ready also where it answers wrongly, so that a check says so at once.
    ...serverStack('web', { readiness: '{ tcp: { port: http }, deadline: 30s }' }),
    ...serverStack('other'),
  })
})
afterAll(() => made[Symbol.dispose]())

const edit = (path: string, from: string, to: string) => {
  const file = join(made.root, path)
  const before = readFileSync(file, 'utf8')
  expect(before).toContain(from)
  writeFileSync(file, before.replace(from, to))
}
/** The cells that ran, and where the others were observed. */
async function changed() {
  const { run, exitCode } = await check(made.root, '--changed', '--no-rerun')
  const ran = run.cells.filter((cell) => cell.observedIn === null).map((cell) => cell.id)
  return { run, exitCode, ran, observed: new Set(run.cells.flatMap((cell) => cell.observedIn?.run ?? [])) }
}

test('only what changed runs, and only a pass is believed', async () => {
  const first = await changed()
  expect([first.exitCode, first.ran.length]).toEqual([0, 4])

  const same = await changed()
  expect([same.exitCode, same.ran, [...same.observed]]).toEqual([0, [], [first.run.id]])
  expect(same.run.cells.every((cell) => cell.outcome === 'pass' && cell.image !== null)).toBe(true)

  edit('environments/small.yaml', '128m', '160m')
  const constrained = await changed()
  expect(constrained.ran.toSorted()).toEqual(['other@small', 'web@small'])

  edit('stacks/web/server.pl', '200 OK', '500 Broken')
  const broken = await changed()
  expect([broken.exitCode, broken.ran.toSorted()]).toEqual([1, ['web@here', 'web@small']])
  expect([...broken.observed].toSorted()).toEqual([first.run.id, constrained.run.id].toSorted())
  // Nothing changed, but a failure is no answer to rest on.
  expect((await changed()).ran.toSorted()).toEqual(['web@here', 'web@small'])
})
