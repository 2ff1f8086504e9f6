/** A nested engine of an image that is published, as `docker:26-dind` is: here one of that kind under such a name. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leftovers, testEngine } from '../support/engine.ts'
import { check, matrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'
import { publish, withdraw } from '../support/published.ts'

const published = `published-${process.pid}/docker:26-dind`
const nestedOf = (image: string) => `engine: { provision: { kind: nested, image: "${image}" } }`

let tested: TestProject
beforeAll(async () => {
  await publish(published)
  tested = project({
    ...serverStack('server'),
    ...environment('there', `${nestedOf(published)}\nconstraints: { mem_limit: 96m, pids_limit: 64 }`),
    ...environment('nowhere', nestedOf('registry.invalid/docker:26-dind')),
  })
})
afterAll(async () => {
  await using engine = await testEngine()
  await matrix(['env', 'down', '--purge', 'there'], { cwd: tested.root })
  const left = await leftovers(engine, tested.root)
  tested[Symbol.dispose]()
  await withdraw(published)
  expect(left).toEqual([])
})

test('runs cells as any other, and one that no registry has is trouble, not a failure', async () => {
  const { cell, exitCode, run } = await check(tested.root)
  expect(cell('server@there')).toMatchObject({ outcome: 'pass' })
  const limits = cell('server@there').constraints.filter(({ key }) => /^(mem|pids)_limit$/.test(key))
  expect(limits).toMatchObject([
    { key: 'mem_limit', provenance: 'enforced', agrees: true },
    { key: 'pids_limit', provenance: 'enforced', agrees: true },
  ])
  expect(run.environments.find(({ id }) => id === 'there')?.engine).toMatchObject({ name: 'docker' })
  expect(cell('server@nowhere')).toMatchObject({
    outcome: 'error',
    reason: 'no-engine',
    message: expect.stringContaining('registry.invalid/docker:26-dind cannot be had'),
  })
  expect(exitCode).toBe(3)
})

test.each([
  ['{ kind: nested }', 'a release of Debian'],
  ['{ kind: nested, release: trixie, image: "docker:26-dind" }', 'a release of Debian'],
  ['{ kind: nested, engine: podman, image: "docker:26-dind" }', 'only Docker is provisioned'],
])('%s is refused', async (provision, reason) => {
  using wrong = project({ ...serverStack('server'), ...environment('place', `engine: { provision: ${provision} }`) })
  const { exitCode, stderr, stdout } = await matrix(['validate'], { cwd: wrong.root })
  expect(exitCode).toBe(2)
  expect(stdout + stderr).toContain(reason)
})
