/**
 * Two of the project's own stacks on every kind of host; the other stacks are of level `full`. The virtual machine has these
 * two in level `contract`, where one is up already.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { nestedHosts } from '../support/hosts.ts'
import { type CheckedRun, check, matrix } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

// Twelve engines come up.
vi.setConfig({ hookTimeout: 1_800_000 })

const rows = ['queue', 'static-site']
const places = Object.entries(nestedHosts).map(([title, spec], index) => {
  const rootless = 'rootless' in spec && spec.rootless
  return { id: `place-${index + 1}`, title, engine: JSON.stringify(spec), rootless }
})

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  const contract = 'contract: { ready_within: 180s, stays_up: 1s, stops_within: 30s }'
  const environments = places.map(({ id, engine }) => environment(id, `engine: { provision: ${engine} }\n${contract}`))
  made = project(Object.assign({ ...ownBases, ...ownStacks(rows) }, ...environments))
  run = await check(made.root, '--no-rerun')
})
afterAll(async () => {
  if (made !== undefined) {
    await matrix(['env', 'down', '--purge', ...places.map(({ id }) => id)], { cwd: made.root })
  }
  made?.[Symbol.dispose]()
})

describe.each(places)('on $title', ({ id }) => {
  test.each(rows)('%s is green', (row) => {
    const { message, outcome } = run.cell(`${row}@${id}`)
    expect([outcome, message]).toEqual(['pass', null])
  })
})

describe.each(rows)('%s', (row) => {
  test('is one image on all of them', () => {
    const ids = new Set(run.run.cells.filter(({ stack }) => stack === row).map(({ image }) => image?.id))
    expect(ids.size).toBe(1)
  })
})

test('each tells whether it is without root', () => {
  const told = run.run.environments.flatMap(({ id, engine }) => (engine?.rootless === true ? [id] : []))
  const meant = places.flatMap(({ id, rootless }) => (rootless ? [id] : []))
  expect(told).toEqual(meant)
})

test('each is an engine of its own kind', () => {
  const kinds = run.run.environments.map(({ engine }) =>
    [engine?.name, engine?.version, engine?.kernel, engine?.ociRuntime, engine?.rootless, engine?.nodes].join(' '),
  )
  expect([...new Set(kinds)]).toEqual(kinds)
})
