/** The environments of the slide are places of their own, and what each declares for a stack is in force there, or known not to be. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadProject } from '../../src/config/load.ts'
import { machineFacts } from '../../src/hosts/machine-facts.ts'
import { constraintAtoms } from '../../src/plan/atoms.ts'
import { type CheckedRun, check, matrix, troubleOf } from '../support/matrix.ts'
import { ownBases, ownEnvironments, ownStacks } from '../support/own-stacks.ts'
import { project, type TestProject } from '../support/project.ts'

// Seven places come up, one of which may be emulated.
vi.setConfig({ hookTimeout: 3_600_000 })

/** One of them is on the engine that all tests share. */
const provisioned = Object.entries(ownEnvironments()).flatMap(([path, yaml]) =>
  yaml.includes('provision:') ? [path.slice('environments/'.length, -'.yaml'.length)] : [],
)

let made: TestProject
let run: CheckedRun
beforeAll(async () => {
  made = project({ ...ownBases, ...ownEnvironments(), ...ownStacks(['queue']) })
  run = await check(made.root, '--no-rerun')
})
afterAll(async () => {
  if (made !== undefined) await matrix(['env', 'down', '--purge', ...provisioned], { cwd: made.root })
  made?.[Symbol.dispose]()
})

const engines = () => run.run.environments.flatMap(({ engine }) => (engine === null ? [] : [engine]))

test('the queue is green in all of them, as one image', () => {
  expect(troubleOf(run)).toEqual([])
  expect(engines()).toHaveLength(7)
  expect(new Set(run.run.cells.map(({ image }) => image?.id)).size).toBe(1)
})

test('three versions of Docker Engine are among them, and two OCI runtimes beside runc', () => {
  const versions = engines().flatMap(({ name, version }) => (name === 'docker' ? [version] : []))
  expect(new Set(versions).size).toBeGreaterThanOrEqual(3)
  const runtimes = new Set(engines().map(({ ociRuntime }) => ociRuntime))
  expect(runtimes).toContain('runc')
  expect(runtimes.size).toBeGreaterThanOrEqual(3)
})

test('so are Podman without root, a Swarm of three nodes, two kernels and each version of control groups that there can be', () => {
  expect(engines().filter(({ name, rootless }) => name === 'podman' && rootless)).toHaveLength(1)
  expect(engines().filter(({ nodes }) => nodes === 3)).toHaveLength(1)
  expect(new Set(engines().map(({ kernel }) => kernel)).size).toBeGreaterThanOrEqual(2)
  const versions = new Set(engines().map(({ cgroup }) => cgroup))
  expect(versions).toEqual(new Set([machineFacts().cgroup, 'v2']))
})

test('each declared constraint has a provenance, and none that is enforced disagrees', async () => {
  const loaded = await loadProject(made.root, { env: {} })
  if (!loaded.ok) throw new Error('the project has mistakes')
  for (const { id, environment, constraints } of run.run.cells) {
    const declared = loaded.project.environments.find((one) => one.id === environment)?.constraints ?? {}
    const atoms = constraintAtoms(declared).map(({ key }) => key)
    expect(atoms.length, id).toBeGreaterThan(2)
    // A stack asks for memory where an environment sells it.
    for (const key of [...atoms, 'mem_limit', 'network.egress']) {
      expect(constraints.map((one) => one.key)).toContain(key)
    }
    for (const { key, provenance, agrees } of constraints) {
      expect(['enforced', 'emulated', 'asserted', 'unsupported'], `${key} of ${id}`).toContain(provenance)
      if (provenance === 'enforced') expect(agrees, `${key} of ${id}`).toBe(true)
    }
  }
})
