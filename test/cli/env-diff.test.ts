/** Two environments side by side, as the built program prints them. */
import { describe, expect, test } from 'vitest'
import type { PropertyRow } from '../../src/plan/compare-environments.ts'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack } from '../support/project.ts'

const files = {
  ...environment(
    'laptop',
    'engine: { provision: { kind: nested, engine: podman, release: trixie, rootless: true } }\nnetwork: { latency: 20ms }',
  ),
  ...environment(
    'server',
    'engine: { provision: { kind: nested, release: bullseye } }\nconstraints: { pids_limit: 128 }',
  ),
  ...environment('sandbox', 'engine: { provision: { kind: nested, release: trixie, runtime: runsc } }'),
  ...environment('cluster', 'engine: { provision: { kind: swarm } }\nconstraints: { memswap_limit: 512m }'),
  ...environment('newer', 'engine: { provision: { kind: nested, image: "docker:27.3-dind" } }'),
  ...serverStack('api'),
}

describe('matrix env diff', () => {
  test('writes out what the engines add, and starts nothing', async () => {
    using made = project(files)
    const { exitCode, stdout, stderr } = await matrix(['env', 'diff', 'laptop', 'server', '--json'], { cwd: made.root })
    expect([exitCode, stderr]).toEqual([0, ''])
    const { before, after, properties } = JSON.parse(stdout) as {
      readonly before: unknown
      readonly after: unknown
      readonly properties: readonly PropertyRow[]
    }
    expect(before).toEqual({ environment: 'laptop', engine: 'rootless podman 5 of Debian trixie', known: true })
    expect(after).toEqual({ environment: 'server', engine: 'docker 20 of Debian bullseye', known: true })
    expect(properties.every(({ differs }) => differs)).toBe(true)
    expect(properties.find(({ property }) => property === 'pids_limit')).toMatchObject({
      property: 'pids_limit',
      before: { value: 2048, from: 'default' },
      after: { value: 128, from: 'imposed' },
      differs: true,
    })
  })

  test('says what the places are, and what is declared there and not enforced', async () => {
    using made = project(files)
    const { stdout } = await matrix(['env', 'diff', 'cluster', 'sandbox'], { cwd: made.root })
    expect(stdout).toMatch(/kernel +│ \S+ +│ gVisor's /)
    expect(stdout).toMatch(/OCI runtime +│ runc +│ runsc /)
    expect(stdout).toMatch(/machines +│ 3 +│ 1 /)
    expect(stdout).toMatch(/memswap_limit +│ 512m \(not enforced\) +│ - /)
  })

  test('takes the version of a published engine from its tag', async () => {
    using made = project(files)
    const { stdout } = await matrix(['env', 'diff', 'server', 'newer', '--json'], { cwd: made.root })
    expect(JSON.parse(stdout)).toMatchObject({ after: { engine: 'docker 27 of docker:27.3-dind', known: true } })
  })

  test('is a table with the units of the files', async () => {
    using made = project(files)
    const { stdout } = await matrix(['env', 'diff', 'laptop', 'server', '--all'], { cwd: made.root })
    expect(stdout).toMatch(/network\.latency +│ 20ms +│ - /)
    expect(stdout).toMatch(/shm_size +│ 64m \(engine default\) +│ 64m \(engine default\)/)
  })

  test('says that nothing differs where that is so', async () => {
    using made = project(files)
    const { stdout } = await matrix(['env', 'diff', 'laptop', 'laptop'], { cwd: made.root })
    expect(stdout).toMatch(/\nNo property differs\.\n$/)
  })

  test('names the environments that there are', async () => {
    using made = project(files)
    expect(await matrix(['env', 'diff', 'laptop', 'cloud'], { cwd: made.root })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'matrix: there is no environment "cloud"; there are: cluster, laptop, newer, sandbox, server\n',
    })
    expect(await matrix(['env', 'diff', 'laptop'], { cwd: made.root })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'matrix: laptop is compared with another environment; name one of: cluster, newer, sandbox, server\n',
    })
  })
})
