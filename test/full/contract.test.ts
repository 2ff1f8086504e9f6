/** Releases of kinds of which level `contract` has the newest. */
import { afterAll } from 'vitest'
import { hostContract } from '../contract/host-contract.ts'
import { olderHosts, stopHost } from '../support/hosts.ts'

for (const [name, spec] of Object.entries(olderHosts)) hostContract(name, spec)

afterAll(async () => {
  for (const spec of Object.values(olderHosts)) await stopHost(spec)
})
