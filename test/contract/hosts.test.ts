/** Every engine that Matrix provisions behaves as the port says. */
import { afterAll } from 'vitest'
import { hostEngine, nestedHosts, stopHost } from '../support/hosts.ts'
import { engineContract } from './engine-contract.ts'

for (const [name, spec] of Object.entries(nestedHosts)) engineContract(name, () => hostEngine(spec))

afterAll(async () => {
  for (const spec of Object.values(nestedHosts)) await stopHost(spec)
})
