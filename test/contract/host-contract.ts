/** What an engine that Matrix provisions promises: the port, and that what runs on it can be reached. */
import { expect, test } from 'vitest'
import { type Engine, EngineError } from '../../src/engines/engine.ts'
import { ensureHelperImage } from '../../src/images/helper.ts'
import type { Constraints } from '../../src/model/constraint.ts'
import type { HostSpec } from '../../src/model/project.ts'
import { dial } from '../../src/run/relay/dial.ts'
import { startHelper } from '../../src/run/relay/helper.ts'
import { Teardown } from '../../src/run/teardown.ts'
import { hostEngine } from '../support/hosts.ts'
import { engineContract } from './engine-contract.ts'
import { relayContract } from './relay-contract.ts'

export function hostContract(name: string, spec: HostSpec): void {
  engineContract(name, () => hostEngine(spec))
  relayContract(name, () => hostEngine(spec))

  test(`${name}: whoever speaks first hears that nothing listens`, async () => {
    await using engine = await hostEngine(spec)
    expect(new Set(await callsToNobody(engine, 40))).toEqual(new Set(['refused']))
  })

  test(`${name}: containers share the layers of their images`, async () => {
    await using engine = await hostEngine(spec)
    const { storageDriver } = await engine.facts({ signal: new AbortController().signal })
    // With `vfs` every one has a whole copy.
    expect(storageDriver).toMatch(/overlay/)
  })

  test(`${name}: a user and a group with great numbers are had, or known not to be`, async () => {
    await using engine = await hostEngine(spec)
    const { unsupported } = await engine.facts({ signal: new AbortController().signal })
    const told = ['user:not-mapped', 'group_add:not-mapped'].map((key) => unsupported.has(key))
    const starts = [await startsAs(engine, { user: '65537' }), await startsAs(engine, { group_add: ['65537'] })]
    expect(starts).toEqual(told.map((isRefused) => !isRefused))
    expect(await startsAs(engine, { user: '65536', group_add: ['65536'] })).toBe(true)
  })
}

async function startsAs(engine: Engine, constraints: Constraints): Promise<boolean> {
  const { signal } = new AbortController()
  const image = await ensureHelperImage(engine, { signal })
  const name = `matrix-user-${process.pid}-${Math.random().toString(36).slice(2)}`
  const command = { entrypoint: ['/bin/busybox', 'sleep', '600'], network: { kind: 'none' } as const }
  try {
    const rest = { name, image, labels: {}, environment: {}, volumes: [], ...command }
    const { id } = await engine.containers.create({ ...rest, constraints }, { signal })
    await engine.containers.start(id, { signal })
    return true
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return false
  } finally {
    await engine.containers.remove(name, { signal })
  }
}

/** What became of connections that were written to at once, as a client of PostgreSQL does, where nothing listens. */
async function callsToNobody(engine: Engine, count: number): Promise<readonly string[]> {
  const { signal } = new AbortController()
  const teardown = new Teardown()
  try {
    const image = await ensureHelperImage(engine, { signal })
    const name = `matrix-dial-${process.pid}`
    teardown.defer('the workload', (cleanup) => engine.containers.remove(`${name}-nobody`, { signal: cleanup }))
    const nobody = {
      ...{ name: `${name}-nobody`, image, labels: {}, entrypoint: ['/bin/busybox', 'sleep', '600'] },
      ...{ environment: {}, constraints: {}, volumes: [], network: { kind: 'none' } as const },
    }
    const { id } = await engine.containers.create(nobody, { signal })
    await engine.containers.start(id, { signal })
    const { pid } = await engine.containers.inspect(id, { signal })
    // A process id is one of the machine that the workload is on, which in a cluster may be any.
    const host = await engine.hostOf(id, { signal })
    const helper = await startHelper(host.engine, { image, name, labels: {}, runtime: 'runc', teardown, signal })
    const call = async () => {
      const stream = await dial(helper, { pid, address: '127.0.0.1', port: 9, signal })
      stream.write('hello')
      const ended = new Promise<void>((resolve) => stream.on('end', resolve).on('close', resolve))
      stream.resume()
      await ended
      const { errored } = stream
      return errored !== null && 'reason' in errored ? String(errored.reason) : `not told: ${errored}`
    }
    const results: string[] = []
    for (let left = count; left > 0; left -= 4) results.push(...(await Promise.all([call(), call(), call(), call()])))
    return results
  } finally {
    await teardown.run(30_000)
  }
}
