/** A machine with a kernel of its own behaves as the port says. Emulated it is slow, so it has more time than the others. */
import { release } from 'node:os'
import { afterAll, expect, test, vi } from 'vitest'
import { hostEngine, stopHost } from '../support/hosts.ts'
import { usualVm } from '../support/vm.ts'
import { engineContract } from './engine-contract.ts'

vi.setConfig({ testTimeout: 900_000, hookTimeout: 1_800_000 })

engineContract('virtual machine', () => hostEngine(usualVm))

test('virtual machine: it has a kernel of its own, and control groups of version 2', async () => {
  await using engine = await hostEngine(usualVm)
  const { kernel, cgroup } = await engine.facts({ signal: new AbortController().signal })
  expect({ isOurs: kernel === release(), cgroup }).toEqual({ isOurs: false, cgroup: 'v2' })
})

afterAll(() => stopHost(usualVm))
