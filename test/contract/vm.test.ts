/** A machine with a kernel of its own behaves as the port says. Emulated it is slow, so it has more time than the others. */
import { release } from 'node:os'
import { afterAll, expect, test, vi } from 'vitest'
import type { VmSpec } from '../../src/model/project.ts'
import { hostEngine, stopHost } from '../support/hosts.ts'
import { engineContract } from './engine-contract.ts'

vi.setConfig({ testTimeout: 900_000, hookTimeout: 1_800_000 })

// The same as an environment gets that says no more, so that one machine serves both.
const gibibyte = 1024 ** 3
const spec: VmSpec = { kind: 'vm', release: 'bookworm', cpus: 2, memoryBytes: 3 * gibibyte, diskBytes: 20 * gibibyte }

engineContract('virtual machine', () => hostEngine(spec))

test('virtual machine: it has a kernel of its own, and control groups of version 2', async () => {
  await using engine = await hostEngine(spec)
  const { kernel, cgroup } = await engine.facts({ signal: new AbortController().signal })
  expect({ isOurs: kernel === release(), cgroup }).toEqual({ isOurs: false, cgroup: 'v2' })
})

afterAll(() => stopHost(spec))
