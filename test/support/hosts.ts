/**
 * Hosts for tests: those of the file that the tests are in, so that files run side by side, or of a project that they name.
 * They are brought up as a run would and stopped afterwards; their data stays for the next.
 */
import { expect } from 'vitest'
import { connectAccess } from '../../src/commands/open-columns.ts'
import { connectDocker } from '../../src/engines/docker-api/connect.ts'
import type { Engine } from '../../src/engines/engine.ts'
import { type HostAsk, hostDown, hostUp } from '../../src/hosts/kinds.ts'
import { nestedEngine } from '../../src/hosts/nested/engine-kinds.ts'
import { ensureRootImage } from '../../src/hosts/nested/root-image.ts'
import { ownIdentity } from '../../src/lib/owner.ts'
import type { HostSpec, NestedSpec } from '../../src/model/project.ts'
import { testEngine } from './engine.ts'

const nested = (rest: Partial<NestedSpec> & Pick<NestedSpec, 'release'>): NestedSpec => ({
  kind: 'nested',
  engine: 'docker',
  rootless: false,
  ...rest,
})

/** Every kind that is made of nested engines, by what it is. */
export const nestedHosts: Readonly<Record<string, HostSpec>> = {
  'nested Docker 20.10.5': nested({ release: 'bullseye' }),
  'nested Docker 20.10.24': nested({ release: 'bookworm' }),
  'nested Docker 26.1': nested({ release: 'trixie' }),
  'nested Docker 26.1 with gVisor': nested({ release: 'trixie', runtime: 'runsc' }),
  'nested rootless Docker 26.1': nested({ release: 'trixie', rootless: true }),
  'nested Podman 4.3': nested({ engine: 'podman', release: 'bookworm' }),
  'nested Podman 5.4': nested({ engine: 'podman', release: 'trixie' }),
  'nested rootless Podman 4.3': nested({ engine: 'podman', release: 'bookworm', rootless: true }),
  'nested rootless Podman 5.4': nested({ engine: 'podman', release: 'trixie', rootless: true }),
  'Swarm of three nested Docker 26.1': { kind: 'swarm', release: 'trixie', nodes: 3 },
}

/** Older releases of kinds that are among those, for level `full` only. */
export const olderHosts: Readonly<Record<string, HostSpec>> = {
  'nested rootless Docker 20.10.5': nested({ release: 'bullseye', rootless: true }),
  'nested rootless Docker 20.10.24': nested({ release: 'bookworm', rootless: true }),
}

/** The file of the tests stands for a project's folder. */
function ownRoot(): string {
  const { testPath } = expect.getState()
  if (testPath === undefined) throw new Error('hosts for tests are made in tests')
  return testPath
}

type More = Partial<Pick<HostAsk, 'authorities' | 'root'>>

/** As a run would ask for it. */
export const askFor = async (spec: HostSpec, { root, ...more }: More = {}): Promise<HostAsk> => ({
  ...more,
  spec,
  local: await testEngine(),
  root: root ?? ownRoot(),
  owner: ownIdentity(),
  env: process.env,
  mayInstall: true,
  connect: connectDocker,
  signal: new AbortController().signal,
  onProgress: (text) => void process.stderr.write(`${text}\n`),
})

/** @throws where the host cannot be had: a test of it must not pass without it. */
export async function hostEngine(spec: HostSpec, more: More = {}): Promise<Engine> {
  const up = await hostUp(await askFor(spec, more))
  if (!up.ok) throw new Error(`${up.problem.message}\n${up.problem.hint}`)
  return connectAccess(up.access)
}

/** What its root file system is called in the tests' engine, made there if need be. @throws where it cannot be. */
export async function rootImageOf(spec: NestedSpec): Promise<string> {
  const ask = await askFor(spec)
  await using local = ask.local
  const engine = nestedEngine(spec)
  const image = await ensureRootImage(local, { ...ask, engine })
  if (!image.ok) throw new Error(`${image.problem.message}\n${image.problem.hint}`)
  return engine.root.reference
}

/** Its data stays. @throws where it could not be stopped. */
export const stopHost = (spec: HostSpec): Promise<void> => takeDown(spec, { purge: false })

/** Nothing of it stays. @throws where it could not be taken away. */
export const endHost = (spec: HostSpec): Promise<void> => takeDown(spec, { purge: true })

async function takeDown(spec: HostSpec, options: { readonly purge: boolean }): Promise<void> {
  const problem = await hostDown(await askFor(spec), options)
  if (problem !== null) throw new Error(problem.message)
}
