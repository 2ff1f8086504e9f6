/** Every engine that Matrix provisions behaves as the port says. */
import { afterAll } from 'vitest'
import type { HostSpec, NestedSpec } from '../../src/model/project.ts'
import { hostEngine, stopHost } from '../support/hosts.ts'
import { engineContract } from './engine-contract.ts'

const nested = (rest: Partial<NestedSpec> & Pick<NestedSpec, 'release'>): NestedSpec => ({
  kind: 'nested',
  engine: 'docker',
  rootless: false,
  ...rest,
})

const specs: Readonly<Record<string, HostSpec>> = {
  'nested Docker 20.10.5': nested({ release: 'bullseye' }),
  'nested Docker 20.10.24': nested({ release: 'bookworm' }),
  'nested Docker 26.1': nested({ release: 'trixie' }),
  'nested Docker 26.1 with gVisor': nested({ release: 'trixie', runtime: 'runsc' }),
  'nested Podman 4.3': nested({ engine: 'podman', release: 'bookworm' }),
  'nested Podman 5.4': nested({ engine: 'podman', release: 'trixie' }),
  'nested rootless Podman 4.3': nested({ engine: 'podman', release: 'bookworm', rootless: true }),
  'nested rootless Podman 5.4': nested({ engine: 'podman', release: 'trixie', rootless: true }),
  'Swarm of three nested Docker 26.1': { kind: 'swarm', release: 'trixie', nodes: 3 },
}

for (const [name, spec] of Object.entries(specs)) engineContract(name, () => hostEngine(spec))

afterAll(async () => {
  for (const spec of Object.values(specs)) await stopHost(spec)
})
