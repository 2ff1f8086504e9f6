/** Hosts that this machine has no room for are refused before anything is started. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runCheck } from '../../../src/commands/check.ts'
import { runEnvUp } from '../../../src/commands/env.ts'
import type { Io } from '../../../src/commands/io.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const made = project({
  ...serverStack('api'),
  ...environment('small', 'engine: { provision: { kind: vm, release: bookworm, memory: 512m, disk: 5g } }'),
  ...environment('vast', 'engine: { provision: { kind: vm, release: bookworm, memory: 99999g } }'),
})
const state = mkdtempSync(join(tmpdir(), 'matrix-state-'))
afterAll(() => {
  made[Symbol.dispose]()
  rmSync(state, { recursive: true })
})

async function refusal(run: (io: Io) => Promise<number>): Promise<string> {
  let said = ''
  const stderr = (text: string) => {
    said += text
  }
  // An engine that is not there, so that nothing could be started either.
  const env = { MATRIX_ENGINE_DIR: state, DOCKER_HOST: 'unix:///nowhere/docker.sock' }
  const signal = new AbortController().signal
  expect(await run({ cwd: made.root, env, signal, stdout: stderr, stderr } as unknown as Io)).toBe(3)
  expect(existsSync(join(state, 'hosts'))).toBe(false)
  return said
}

describe.each([
  ['matrix env up', (environments: readonly string[]) => (io: Io) => runEnvUp({ environments }, io)],
  ['matrix check', (env: readonly string[]) => (io: Io) => runCheck({ env }, io)],
])('%s', (_, run) => {
  test('says which hosts take how much more than there is, and what to do', async () => {
    const said = await refusal(run(['vast']))
    expect(said).toMatch(
      /vm-bookworm-2-\d+-\d+ cannot be had on this machine: .*GiB of memory free, and it takes 99999\.0 GiB/,
    )
    expect(said).toContain('or leave environments out')
  })

  test('comes to its engine where there is room', async () => {
    expect(await refusal(run(['small']))).toContain('/nowhere/docker.sock')
  })
})
