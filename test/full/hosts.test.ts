/** Every one of the project's own stacks on every kind of host, the virtual machine too. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nestedHosts } from '../support/hosts.ts'
import { type CheckedRun, check, matrix } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

// Emulated, a virtual machine takes several times as long for everything.
const vm = { title: 'virtual machine', engine: '{ kind: vm }', more: 'time_scale: 6' }
const nested = Object.entries(nestedHosts).map(([title, spec]) => ({ title, engine: JSON.stringify(spec), more: '' }))
const places = [...nested, vm].map((place, index) => ({ id: `place-${index + 1}`, ...place }))

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  const environments = places.map(({ id, engine, more }) =>
    environment(id, `engine: { provision: ${engine} }\ncontract: { ready_within: 300s, stays_up: 1s }\n${more}`),
  )
  made = project(Object.assign({ ...ownBases, ...ownStacks() }, ...environments))
  run = await check(made.root, '--no-rerun')
}, 7_200_000)
afterAll(async () => {
  if (made !== undefined) await matrix(['env', 'down', '--purge', ...places.map(({ id }) => id)], { cwd: made.root })
  made?.[Symbol.dispose]()
})

test.each(places)('every row is green on $title', ({ id }) => {
  const cells = run.run.cells.filter((cell) => cell.environment === id)
  expect(cells.length).toBeGreaterThan(8)
  expect(cells.flatMap((cell) => (cell.outcome === 'pass' ? [] : [`${cell.id}: ${cell.message}`]))).toEqual([])
})
