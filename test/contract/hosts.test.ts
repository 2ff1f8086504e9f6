/** Every kind of engine that Matrix provisions behaves as the port says, and leads to what runs on it. */
import { afterAll, beforeAll } from 'vitest'
import type { PublishedSpec } from '../../src/model/project.ts'
import { endHost, nestedHosts, stopHost } from '../support/hosts.ts'
import { publish, withdraw } from '../support/published.ts'
import { hostContract } from './host-contract.ts'

const published: PublishedSpec = { kind: 'published', image: `published-${process.pid}/docker:26-dind` }
beforeAll(() => publish(published.image))

for (const [name, spec] of Object.entries({ ...nestedHosts, 'nested Docker of a published image': published })) {
  hostContract(name, spec)
}

afterAll(async () => {
  for (const spec of Object.values(nestedHosts)) await stopHost(spec)
  await endHost(published)
  await withdraw(published.image)
})
