/** Nested hosts are containers of an engine on this machine: an engine elsewhere is not asked for them. */
import { describe, expect, test } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { type HostAsk, hostDown, hostStatus, hostUp } from '../../../src/hosts/kinds.ts'

const local = { ...createFakeEngine({}), endpoint: 'ssh://somebody@far' }
const ask: HostAsk = {
  spec: { kind: 'nested', engine: 'docker', release: 'bullseye', rootless: false },
  local,
  root: '/nonexistent',
  owner: 'nobody',
  env: { MATRIX_ENGINE_DIR: '/nonexistent' },
  mayInstall: false,
  signal: new AbortController().signal,
  connect: () => local,
  onProgress: () => {},
}
const message = expect.stringContaining('ssh://somebody@far is reached from elsewhere')

describe('with an engine of another machine', () => {
  test('a nested host cannot be had', async () => {
    expect(await hostUp(ask)).toMatchObject({ ok: false, problem: { kind: 'usage', message } })
  })
  test('it is not there', async () => {
    expect(await hostStatus(ask)).toMatchObject({ state: 'absent', message })
  })
  test('it is not said to be taken away', async () => {
    expect(await hostDown(ask, { purge: true })).toMatchObject({ kind: 'usage', message })
  })
})
