/** Every one of the project's own stacks on every kind of host, the virtual machine too. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nestedHosts, olderHosts } from '../support/hosts.ts'
import { check, matrix, troubleOf } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

// Emulated, a virtual machine takes several times as long for everything.
const vm = { title: 'virtual machine', engine: '{ kind: vm }', more: 'time_scale: 6' }
const nested = Object.entries({ ...nestedHosts, ...olderHosts }).map(([title, spec]) => {
  return { title, engine: JSON.stringify(spec), more: '' }
})
const places = [...nested, vm].map((place, index) => ({ id: `place-${index + 1}`, ...place }))

let made: TestProject
beforeAll(() => {
  const environments = places.map(({ id, engine, more }) =>
    environment(id, `engine: { provision: ${engine} }\ncontract: { ready_within: 300s, stays_up: 1s }\n${more}`),
  )
  made = project(Object.assign({ ...ownBases, ...ownStacks() }, ...environments))
})
afterAll(async () => {
  await matrix(['env', 'down', '--purge', ...places.map(({ id }) => id)], { cwd: made.root })
  made[Symbol.dispose]()
})

/** Row → id of its image, from the first place on. */
const images = new Map<string, string>()

test.each(places)('every row is green on $title, as the same image', { timeout: 7_200_000 }, async ({ id }) => {
  const run = await check(made.root, '--no-rerun', '--env', id)
  expect(run.run.cells.length).toBeGreaterThan(8)
  expect(troubleOf(run)).toEqual([])
  for (const { stack, image } of run.run.cells) {
    // A scenario has none of its own.
    if (image === null) continue
    expect([stack, image.id]).toEqual([stack, images.get(stack) ?? image.id])
    images.set(stack, image.id)
  }
  expect(images.size).toBeGreaterThan(6)
  // The next place needs the room.
  await matrix(['env', 'down', '--purge', id], { cwd: made.root })
})
