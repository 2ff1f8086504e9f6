/** Rows of every form: variants, scenarios, exclusions; and what a run may be told to leave. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { leftovers, testEngine } from '../support/engine.ts'
import { type CheckedRun, check, matrix } from '../support/matrix.ts'
import { dockerfile, environment, project, serverStack, type TestProject } from '../support/project.ts'

/** Two stacks whose volumes have the same name. */
const keeper = {
  yaml: 'service: { volumes: ["data:/data"] }',
  dockerfile: dockerfile.replace('USER', 'RUN mkdir --mode 777 /data\nUSER'),
}

const files = {
  ...environment('qa'),
  ...environment('cloud', 'contract: { port: 9090 }'),
  'matrix.yaml': `exclude: [{ stack: api, environment: cloud, reason: "Not sold there." }]
images: { debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } } }
`,
  ...serverStack('api'),
  ...serverStack('web', {
    yaml: `variants:
  plain: {}
  plum: { environment: { FLAVOUR: plum }, checks: [{ name: flavour, exec: { command: [printenv, FLAVOUR] }, expect: { stdout: plum } }] }`,
  }),
  ...serverStack('moved', { yaml: '' }),
  'stacks/moved/stack.yaml': `build: { context: . }
ports: { http: { port: 8080, env: PORT } }
readiness: { http: { port: http }, deadline: 30s }
checks: [{ name: it answers, http: { port: http } }, { name: port, exec: { command: [printenv, PORT] }, expect: { stdout: { matches: ^(8080|9090)$ } } }]
`,
  'stacks/shop/stack.yaml': `title: A shop
needs: { front: web-plain, back: api }
checks:
  - { name: the front answers, on: front, http: { port: http } }
  - { name: the front reaches the back, on: front, exec: { command: [perl, -MIO::Socket::INET, -e, 'exit(IO::Socket::INET->new("back:8080") ? 0 : 1)'] } }
`,
  'stacks/web/Dockerfile': dockerfile,
  ...serverStack('keeper', keeper),
  ...serverStack('holder', keeper),
  'stacks/stores/stack.yaml': `title: Two stores
needs: { keeper: keeper, holder: holder }
checks:
  - name: what one keeps, the other does not have
    steps:
      - { on: keeper, exec: { command: [touch, /data/kept] }, expect: { exit_code: 0 } }
      - { on: holder, exec: { command: [ls, /data] }, expect: { exit_code: 0, stdout: "" } }
      - { on: keeper, exec: { command: [ls, /data] }, expect: { stdout: kept } }
`,
}

let rows: TestProject
let run: CheckedRun
let engine: Engine
beforeAll(async () => {
  rows = project(files)
  engine = await testEngine()
  run = await check(rows.root)
})
afterAll(async () => {
  rows?.[Symbol.dispose]()
  await engine?.[Symbol.asyncDispose]()
})

describe('a row', () => {
  test('of a variant is a row of its own, and variants of one build share their image', () => {
    expect(run.run.stacks.map((row) => [row.id, row.base])).toEqual(
      expect.arrayContaining([
        ['web-plain', 'web'],
        ['web-plum', 'web'],
      ]),
    )
    expect(run.cell('web-plum@qa')).toMatchObject({ outcome: 'pass' })
    expect(run.cell('web-plum@qa').image).toEqual(run.cell('web-plain@qa').image)
    expect(run.run.builds.filter((build) => build.stack.startsWith('web'))).toHaveLength(1)
  })

  test('of a scenario checks through what it needs, and has no image', () => {
    const cell = run.cell('shop@qa')
    expect(cell).toMatchObject({ outcome: 'pass', image: null })
    expect(cell.needs.map((need) => [need.stack, need.outcome])).toEqual(
      expect.arrayContaining([
        ['web-plain', 'pass'],
        ['api', 'pass'],
      ]),
    )
    expect(cell.checks.map((one) => one.outcome)).toEqual(['pass', 'pass'])
  })

  test('shares no volume with another in its cell, whatever they call it', () => {
    expect(run.cell('stores@qa')).toMatchObject({ outcome: 'pass' })
  })

  test('that is excluded from a column says why, and its exclusion is no failure', () => {
    expect(run.cell('api@cloud')).toMatchObject({ outcome: 'excluded', message: 'Not sold there.' })
    expect(run.exitCode).toBe(0)
  })

  test('listens on the port that a column names; what it needs keeps its own', () => {
    expect(run.cell('moved@cloud')).toMatchObject({ outcome: 'pass' })
    expect(run.cell('shop@cloud')).toMatchObject({ outcome: 'pass' })
  })
})

test('a base id selects all its variants', async () => {
  const { stdout } = await matrix(['list', '--stack', 'web', '--env', 'qa', '--json'], { cwd: rows.root })
  const plan = JSON.parse(stdout) as { readonly cells: readonly { readonly id: string }[] }
  expect(plan.cells.map((cell) => cell.id)).toEqual(['web-plain@qa', 'web-plum@qa'])
})

test('a cell that fails can be left standing, until the next sweep', async () => {
  using broken = project({
    ...environment('qa'),
    ...serverStack('good'),
    ...serverStack('bad', { checks: '  - { name: never, http: { port: http }, expect: { status: 500 } }' }),
  })
  const { exitCode } = await check(broken.root, '--keep-failed')
  expect(exitCode).toBe(1)
  const left = (await leftovers(engine, broken.root)).map((one) => one.labels['matrix.cell'])
  expect(new Set(left)).toEqual(new Set(['bad@qa']))
  await matrix(['clean'], { cwd: broken.root })
  expect(await leftovers(engine, broken.root)).toEqual([])
})
