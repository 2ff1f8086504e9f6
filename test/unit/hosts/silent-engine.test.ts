/** Nested hosts are containers of an engine that may not run now: what is told of them then. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { embeddedPaths } from '../../../src/hosts/embedded-paths.ts'
import { hostFolder, hostName } from '../../../src/hosts/host-place.ts'
import { writeRecord } from '../../../src/hosts/host-record.ts'
import { type HostAsk, hostStatus } from '../../../src/hosts/kinds.ts'
import { projectIdOf } from '../../../src/lib/project-id.ts'

const folder = mkdtempSync(join(tmpdir(), 'matrix-silent-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const root = join(folder, 'project')
const env = { MATRIX_ENGINE_DIR: join(folder, 'engine') }
const embedded = embeddedPaths(env).endpoint
const spec = { kind: 'nested', engine: 'docker', release: 'bullseye', rootless: false } as const

function ask(endpoint: string): HostAsk {
  const local = { ...createFakeEngine({}), endpoint }
  const { signal } = new AbortController()
  return {
    spec,
    local,
    root,
    owner: 'nobody',
    env,
    mayInstall: false,
    signal,
    connect: () => local,
    onProgress: () => {},
  }
}

function broughtUpIn(engine: string): void {
  const own = hostFolder(env, projectIdOf(root), hostName(spec))
  mkdirSync(own, { recursive: true })
  writeRecord(own, { spec, root, engine, made: true })
}

describe('a host that was never brought up is absent', () => {
  test("where Matrix's own engine does not run", async () => {
    expect(await hostStatus(ask(embedded))).toMatchObject({
      state: 'absent',
      message: 'a run that needs it brings it up',
    })
  })
  test("where the user's engine does not answer", async () => {
    const endpoint = `unix://${join(folder, 'docker.sock')}`
    expect(await hostStatus(ask(endpoint))).toMatchObject({ state: 'absent' })
  })
})

describe('a host that was brought up is down', () => {
  test("with Matrix's own engine, which a run starts again", async () => {
    broughtUpIn(embedded)
    const message = "Matrix's own engine, that it is in, does not run"
    expect(await hostStatus(ask(embedded))).toStrictEqual({ state: 'down', message })
  })
  test("with the user's engine, which is named", async () => {
    const endpoint = `unix://${join(folder, 'docker.sock')}`
    broughtUpIn(endpoint)
    const message = `${endpoint}, the engine that it is in, does not answer`
    expect(await hostStatus(ask(endpoint))).toStrictEqual({ state: 'down', message })
  })
})
