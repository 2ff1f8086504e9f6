/** What an engine cannot do as asked is told by the plan, before anything is started. */
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
})
