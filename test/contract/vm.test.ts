/**
 * A machine with a kernel of its own behaves as the port says, and two of the project's own stacks are green on it. Emulated
 * it is slow, so that one machine serves for both, and has more time than the other hosts.
 */
import { release } from 'node:os'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { strictAtoms, strictConstraints } from '../support/environments.ts'
import { hostEngine } from '../support/hosts.ts'
import { check, matrix, troubleOf } from '../support/matrix.ts'
import { ownBases, ownStacks } from '../support/own-stacks.ts'
import { environment, project, type TestProject } from '../support/project.ts'
import { preferVm, usualVm, vmFilesIn } from '../support/vm.ts'
import { engineContract } from './engine-contract.ts'
import { relayContract } from './relay-contract.ts'

vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 1_800_000 })

const contract = 'contract: { port: 18080, ready_within: 180s, stays_up: 1s, stops_within: 30s }'
let made: TestProject
beforeAll(() => {
  made = project({
    ...ownBases,
    ...ownStacks(['queue', 'static-site']),
    ...environment('here', contract),
    ...environment(
      'vm',
      `engine: { provision: { kind: vm } }\ntime_scale: 6\n${contract}\n${strictConstraints('tr_TR.UTF-8')}`,
    ),
  })
})
afterAll(async () => {
  expect(await matrix(['env', 'down', '--purge', 'vm'], { cwd: made.root })).toMatchObject({ exitCode: 0 })
  made[Symbol.dispose]()
})
async function machine() {
  const engine = await hostEngine(usualVm, { root: made.root })
  preferVm(vmFilesIn(made.root, usualVm))
  return engine
}

engineContract('virtual machine', machine)
relayContract('virtual machine', machine)

test('virtual machine: it has a kernel of its own, and control groups of version 2', async () => {
  await using engine = await machine()
  const { kernel, cgroup } = await engine.facts({ signal: new AbortController().signal })
  expect({ isOurs: kernel === release(), cgroup }).toEqual({ isOurs: false, cgroup: 'v2' })
})

test('virtual machine: two stacks are green on it under every constraint, as the images that they are on this machine', async () => {
  const checked = await check(made.root, '--no-rerun')
  expect(troubleOf(checked)).toEqual([])
  expect(checked.run.environments.map(({ engine }) => engine?.kernel === release())).toEqual([true, false])
  for (const stack of ['queue', 'static-site']) {
    const { image, constraints } = checked.cell(`${stack}@vm`)
    expect(image?.id).toBe(checked.cell(`${stack}@here`).image?.id)
    for (const key of strictAtoms) {
      const record = constraints.find((one) => one.key === key)
      // nginx writes its title over its variables, so that there the engine's word has to do.
      const provenance = key.startsWith('environment:') ? expect.stringMatching(/^(enforced|asserted)$/) : 'enforced'
      expect(record).toMatchObject({ key, provenance })
      expect(record?.agrees).not.toBe(false)
    }
  }
})
