/** Images: built once, from what the Dockerfile says, with what the host lends and keeps. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engines/engine.ts'
import { testEngine } from '../support/engine.ts'
import { imageFiles } from '../support/image-files.ts'
import { type CheckedRun, check } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const caBundle = '/etc/ssl/certs/ca-certificates.crt'

const job = (command: string) => `build: { context: . }
command: [sh, -c, '${command}']
checks: [{ name: it ends well, exit: { within: 20s } }]
`

const files = {
  ...environment('plain'),
  ...environment('other', 'constraints: { cpus: 1 }'),
  ...serverStack('good'),
  'stacks/failing/Dockerfile': 'FROM debian:bookworm-slim\nRUN echo before && echo "no such crate" >&2 && exit 9\n',
  'stacks/failing/stack.yaml': job('true'),
  'stacks/no-base/Dockerfile': 'FROM no-such-image-anywhere:1\n',
  'stacks/no-base/stack.yaml': job('true'),
  'stacks/wants-failing/Dockerfile': 'FROM debian:bookworm-slim\n',
  'stacks/wants-failing/stack.yaml': `needs: [failing]\n${job('true')}`,
  'stacks/options/.dockerignore': 'secret.txt\n',
  'stacks/options/secret.txt': 'not for images',
  'stacks/options/kept.txt': 'for images',
  'stacks/options/Dockerfile': `FROM debian:bookworm-slim AS base
ARG FLAVOUR=none
RUN echo "$FLAVOUR" > /flavour
COPY . /context
FROM base AS wanted
RUN echo wanted > /target
FROM base
RUN echo last > /target
`,
  'stacks/options/stack.yaml': `build: { context: ., target: wanted, args: { FLAVOUR: plum } }
command: [sh, -c, 'test "$(cat /flavour)" = plum && test "$(cat /target)" = wanted && test -e /context/kept.txt && ! test -e /context/secret.txt']
checks: [{ name: it ends well, exit: { within: 20s } }]
`,
  'stacks/certified/Dockerfile': `FROM debian:bookworm-slim
RUN --mount=type=bind,source=.matrix/host-ca.crt,target=/tmp/host-ca.crt \\
    wc -c < /tmp/host-ca.crt > /bundle-size
`,
  'stacks/certified/stack.yaml': job('test -s /bundle-size'),
}

let built: TestProject
let run: CheckedRun
let engine: Engine
beforeAll(async () => {
  built = project(files)
  engine = await testEngine()
  run = await check(built.root)
})
afterAll(async () => {
  built?.[Symbol.dispose]()
  await engine?.[Symbol.asyncDispose]()
})

describe('a build', () => {
  test('that fails is the product’s failure: its row is blocked, and the others go on', () => {
    expect(run.exitCode).toBe(1)
    expect(run.run.builds.find((build) => build.stack === 'failing')).toMatchObject({
      outcome: 'fail',
      step: expect.stringContaining('exit 9'),
      evidence: [expect.objectContaining({ mediaType: 'text/plain' })],
    })
    for (const id of ['failing@plain', 'failing@other', 'wants-failing@plain']) {
      expect(run.cell(id)).toMatchObject({ outcome: 'blocked', stage: 'build', reason: 'build-step', image: null })
    }
    expect(run.cell('good@plain').outcome).toBe('pass')
    expect(run.cell('good@other').outcome).toBe('pass')
  })

  test('shows the last lines of the step that failed', () => {
    const [log] = run.run.builds.find((build) => build.stack === 'failing')?.evidence ?? []
    const hex = log?.hash.slice('sha256:'.length)
    expect(readFileSync(`${built.root}/reports/${run.run.id}/evidence/${hex}`, 'utf8')).toContain('no such crate')
  })

  test('whose base image cannot be had is trouble, and says what to do', () => {
    expect(run.run.builds.find((build) => build.stack === 'no-base')).toMatchObject({
      outcome: 'error',
      message: expect.stringMatching(/no-such-image-anywhere:1/),
    })
    expect(run.cell('no-base@plain')).toMatchObject({ outcome: 'blocked', reason: 'build-trouble' })
  })

  test('takes its arguments, target and .dockerignore', () => {
    expect(run.cell('options@plain')).toMatchObject({ outcome: 'pass' })
  })

  test('says which way its base came', () => {
    expect(run.run.bases).toEqual([expect.objectContaining({ reference: 'debian:bookworm-slim', how: 'present' })])
  })

  test('happens once a row: every environment runs the image of that id', () => {
    const ids = ['good@plain', 'good@other'].map((id) => run.cell(id).image?.id)
    expect(new Set(ids)).toEqual(new Set([run.run.stacks.find((row) => row.id === 'good')?.image?.id]))
  })

  test('sees the host’s CA bundle, and no layer of the image does', async () => {
    expect(run.cell('certified@plain')).toMatchObject({ outcome: 'pass' })
    const id = run.run.stacks.find((row) => row.id === 'certified')?.image?.id ?? ''
    // The base has no bundle of its own, so a certificate in any layer would be the host's.
    const certificate = readFileSync(caBundle, 'utf8').split('-----BEGIN CERTIFICATE-----')[1]?.slice(1, 60) ?? ''
    expect(certificate).not.toBe('')
    const layers = new Set<string>()
    const holding: string[] = []
    for await (const file of imageFiles(engine, id)) {
      layers.add(file.layer)
      if (file.name.includes('host-ca') || file.content.includes(certificate)) holding.push(file.name)
      if (file.content.includes('host-ca.crt')) holding.push(`the path in ${file.name}`)
    }
    expect(layers.size).toBeGreaterThan(2)
    expect(holding).toEqual(['the path in config'])
  })
})
