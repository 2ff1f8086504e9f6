/**
 * Two of the project's own stacks on every kind of host, under every constraint at once; the other stacks are of level `full`.
 * The virtual machine has these two in level `contract`, where one is up already.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { machineFacts } from '../../src/hosts/machine-facts.ts'
import { strictAtoms, strictConstraints } from '../support/environments.ts'
import { nestedHosts } from '../support/hosts.ts'
import { type CheckedRun, check, matrix } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'

// A dozen engines come up.
vi.setConfig({ hookTimeout: 1_800_000 })

const rows = ['queue', 'static-site']

/** Without root an engine has no control groups of version 1; of version 2 Podman has those that its host hands on, Docker none. */
const groups = ['mem_limit', 'cpus', 'pids_limit']
const podmanGroups = machineFacts().cgroup === 'v1' ? groups : []
/** Host → what its engine is known not to enforce; the others enforce everything that can be looked at. */
const unsupported: Readonly<Record<string, readonly string[]>> = {
  'nested Docker 26.1 with gVisor': ['sysctls:net.ipv4.ip_unprivileged_port_start'],
  'nested rootless Docker 26.1': ['user', ...groups],
  'nested rootless Podman 4.3': ['user', ...podmanGroups, 'ulimits:nofile'],
  'nested rootless Podman 5.4': ['user', ...podmanGroups, 'ulimits:nofile'],
}

/** What a process may keep from being looked at: nginx writes its title over its variables, gVisor does not tell of privileges. */
const hidden = (title: string): readonly string[] =>
  title.includes('gVisor') ? ['environment:', 'security_opt:no-new-privileges'] : ['environment:']

const places = Object.entries(nestedHosts).map(([title, spec], index) => {
  const rootless = 'rootless' in spec && spec.rootless
  return { id: `place-${index + 1}`, title, engine: JSON.stringify(spec), rootless }
})
const demanding = places.find(({ title }) => title === 'nested rootless Podman 5.4')

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  const contract = 'contract: { port: 18080, ready_within: 180s, stays_up: 1s, stops_within: 30s }'
  // Podman 4.3 wants both, where root may not raise limits.
  const ulimits = '{ nofile: 1024, nproc: 8192 }'
  const on = (engine: string | undefined) =>
    `engine: { provision: ${engine} }\n${contract}\n${strictConstraints('tr_TR.UTF-8', ulimits)}`
  const environments = [
    ...places.map(({ id, engine }) => environment(id, on(engine))),
    environment('demanding', `${on(demanding?.engine)}required: [mem_limit, user]\n`),
  ]
  made = project(Object.assign({ ...ownBases, ...ownStacks(rows) }, ...environments))
  run = await check(made.root, '--no-rerun')
})
afterAll(async () => {
  if (made !== undefined) {
    await matrix(['env', 'down', '--purge', ...places.map(({ id }) => id)], { cwd: made.root })
  }
  made?.[Symbol.dispose]()
})

describe.each(places)('on $title', ({ id, title }) => {
  test.each(rows)('%s is green', (row) => {
    const { message, outcome } = run.cell(`${row}@${id}`)
    expect([outcome, message]).toEqual(['pass', null])
  })

  test.each(rows)('what %s is under is told, and is enforced but for what such an engine cannot', (row) => {
    const { constraints } = run.cell(`${row}@${id}`)
    expect(constraints.map(({ key }) => key)).toEqual(expect.arrayContaining([...strictAtoms]))
    expect(constraints.filter(({ agrees }) => agrees === false)).toEqual([])
    for (const { key, provenance, observed, agrees } of constraints.filter(({ key }) => strictAtoms.includes(key))) {
      const meant = unsupported[title]?.includes(key) ? 'unsupported' : 'enforced'
      const mayHide = hidden(title).some((name) => key.startsWith(name))
      expect([key, provenance]).toEqual([key, mayHide && provenance === 'asserted' ? 'asserted' : meant])
      if (provenance === 'enforced') expect([key, agrees, observed]).toEqual([key, true, expect.anything()])
    }
  })
})

test('where something is required of an engine that cannot enforce it, nothing is started, and nothing green', () => {
  const lacking = ['user', ...podmanGroups.filter((key) => key === 'mem_limit')]
  for (const row of rows) {
    const cell = run.cell(`${row}@demanding`)
    expect(cell).toMatchObject({ outcome: 'error', reason: 'not-enforced', phases: [], checks: [] })
    for (const key of lacking) expect(cell.message).toMatch(new RegExp(`^demanding requires .*\\b${key}\\b`))
  }
})

describe.each(rows)('%s', (row) => {
  test('is one image on all of them', () => {
    const ids = new Set(places.map(({ id }) => run.cell(`${row}@${id}`).image?.id))
    expect(ids.size).toBe(1)
  })
})

const met = () => run.run.environments.filter(({ id }) => id !== 'demanding')

test('each tells whether it is without root', () => {
  const told = met().flatMap(({ id, engine }) => (engine?.rootless === true ? [id] : []))
  const meant = places.flatMap(({ id, rootless }) => (rootless ? [id] : []))
  expect(told).toEqual(meant)
})

test('each is an engine of its own kind', () => {
  const kinds = met().map(({ engine }) =>
    [engine?.name, engine?.version, engine?.kernel, engine?.ociRuntime, engine?.rootless, engine?.nodes].join(' '),
  )
  expect([...new Set(kinds)]).toEqual(kinds)
})
