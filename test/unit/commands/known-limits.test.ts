/** What an engine cannot do as asked is told by the plan, before anything is started. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Io } from '../../../src/commands/io.ts'
import { runList } from '../../../src/commands/list.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const on = (id: string, host: string, rest = '') => environment(id, `engine: { provision: { ${host} } }\n${rest}`)
const podman = 'kind: nested, engine: podman, release: trixie'
const arbitrary = 'constraints: { user: "1000650000:0" }'

async function listed(json: boolean): Promise<string> {
  using made = project({
    ...serverStack('api', { yaml: 'service: { memswap_limit: 512m, mem_limit: 256m }' }),
    ...on('docker', 'kind: nested, release: bullseye', arbitrary),
    ...on('user', 'kind: nested, release: bookworm, rootless: true', arbitrary),
    ...on('podman', podman, arbitrary),
    ...on('named', podman, 'constraints: { user: "nobody" }'),
    'environments/profile.json': '{}',
    ...on('profile', podman, 'constraints: { security_opt: ["seccomp:./profile.json"] }'),
    ...on('unconfined', podman, 'constraints: { security_opt: ["seccomp:unconfined"] }'),
    ...on('root', podman, 'constraints: { user: "0" }'),
    ...on('swarm', 'kind: swarm, release: trixie, nodes: 3', arbitrary),
  })
  return await printed(made.root, json)
}

async function printed(root: string, json = false): Promise<string> {
  let said = ''
  const stdout = (text: string) => {
    said += text
  }
  const stderr = (text: string) => expect(text).toBe('')
  const io = { cwd: root, env: {}, isTTY: { stdout: false }, stdout, stderr } as unknown as Io
  expect(await runList({ json }, io)).toBe(0)
  return said
}

describe('matrix list', () => {
  test('names what each engine cannot do as asked', async () => {
    const { cells } = JSON.parse(await listed(true)) as {
      readonly cells: readonly { readonly id: string; readonly unsupported: readonly string[] }[]
    }
    expect(Object.fromEntries(cells.map(({ id, unsupported }) => [id, unsupported]))).toEqual({
      'api@docker': [],
      'api@podman': ['user:no-passwd-entry'],
      'api@named': [],
      'api@profile': ['security_opt:seccomp'],
      'api@root': [],
      'api@swarm': ['memswap_limit'],
      'api@unconfined': [],
      // Under either version of control groups: without systemd it uses none.
      'api@user': ['mem_limit', 'memswap_limit', 'user'],
    })
  })

  test('says so in words', async () => {
    expect(await listed(false)).toContain('podman: its engine does not enforce user:no-passwd-entry (api)')
  })

  test('says it once a column, whatever the number of its cells', async () => {
    using made = project({
      ...Object.fromEntries(
        ['a', 'b', 'c', 'd'].flatMap((id) => Object.entries(serverStack(id, { yaml: 'service: { mem_limit: 64m }' }))),
      ),
      ...serverStack('swapping', { yaml: 'service: { mem_limit: 64m, memswap_limit: 64m }' }),
      ...on('laptop', podman, arbitrary),
      ...on('strict', podman, `${arbitrary}\nrequired: [user]`),
      ...on('swarm', 'kind: swarm, release: trixie, nodes: 3', 'constraints: { cpuset: "0" }'),
    })
    const told = (await printed(made.root)).split('\n').filter((line) => line.includes('enforce'))
    expect(told).toEqual([
      '  laptop: its engine does not enforce user:no-passwd-entry (all 5 cells)',
      '  strict: its engine does not enforce user:no-passwd-entry (all 5 cells: required, so that this is an error)',
      '  swarm: its engine does not enforce cpuset (all 5 cells); memswap_limit (swapping)',
    ])
  })

  test('knows of an engine that is only connected to what the last run met there, and asks none', async () => {
    using made = project({
      ...serverStack('api', { yaml: 'service: { mem_limit: 64m, memswap_limit: 64m }' }),
      ...environment('default'),
      ...environment('met', 'engine: { connect: unix:///nowhere/met.sock }'),
      ...environment('moved', 'engine: { connect: unix:///nowhere/other.sock }'),
      ...environment('new', 'engine: { connect: ssh://nobody@nowhere.invalid }'),
      ...environment('pool', 'engine: { pool: [unix:///nowhere/a.sock, unix:///nowhere/b.sock] }'),
      ...on('nested', 'kind: nested, release: bullseye'),
    })
    const met = (name: string, unsupported: readonly string[]) => ({
      endpoint: `unix:///nowhere/${name}.sock`,
      unsupported,
    })
    writeRun(made.root, '2026-01-01-000000-aaaa', { met: [met('met', ['mem_limit'])], moved: [met('moved', ['cpus'])] })
    writeRun(made.root, '2026-01-02-000000-bbbb', {
      default: [met('docker', [])],
      met: [met('met', ['memswap_limit'])],
      pool: [met('a', ['mem_limit']), met('b', [])],
    })
    const told = (await printed(made.root)).split('\n').filter((line) => line.includes('enforce'))
    expect(told).toEqual([
      '  met: its engine does not enforce memswap_limit (api), as 2026-01-02-000000-bbbb found it',
      '  pool: not every engine of it enforces mem_limit (api), as 2026-01-02-000000-bbbb found it',
      '  moved, new: what the engine does not enforce is not known until a run has met it',
    ])
    const { cells, environments } = JSON.parse(await printed(made.root, true)) as {
      readonly cells: readonly { readonly id: string; readonly unsupported: readonly string[] }[]
      readonly environments: readonly { readonly id: string; readonly limits: unknown }[]
    }
    expect(cells.find(({ id }) => id === 'api@met')?.unsupported).toEqual(['memswap_limit'])
    const run = '2026-01-02-000000-bbbb'
    expect(Object.fromEntries(environments.map(({ id, limits }) => [id, limits]))).toEqual({
      default: { known: true, run },
      met: { known: true, run },
      moved: { known: false, run: null },
      nested: { known: true, run: null },
      new: { known: false, run: null },
      pool: { known: true, run },
    })
  })
})

function writeRun(root: string, run: string, engines: Readonly<Record<string, unknown>>): void {
  const folder = join(root, 'reports', run)
  mkdirSync(folder, { recursive: true })
  const events = Object.entries(engines).map(([environment, met]) => ({
    ...{ atMs: 1, type: 'engine-ready', environment, engine: {}, facts: {}, engines: met },
  }))
  writeFileSync(join(folder, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''))
}
