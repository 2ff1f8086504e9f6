/** What `matrix explain` prints is so: the reproductions are run with the engine's own client, the patch is tried. */
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CellRecord, RunRecord } from '../../src/model/run-record.ts'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

const plainImage = 'FROM debian:bookworm-slim\nCOPY server.pl /server.pl\n'
const cells = ['writer@locked', 'keeper@locked', 'deaf@hasty', 'asks@bare'] as const

const files = {
  ...environment('locked', 'constraints: { read_only: true, pids_limit: 100, environment: { TZ: UTC } }'),
  ...environment('hasty', 'constraints: { stop_grace_period: 1s, pids_limit: 100 }'),
  ...environment('bare', 'constraints: { cap_drop: [CHOWN, NET_RAW], environment: { GREETING: "it\'s $HOME" } }'),
  ...serverStack('writer', {
    dockerfile: plainImage,
    yaml: `command: [sh, -c, 'mkdir -p /var/state/a && echo "$PASSWORD" > /var/state/a/b && exec perl /server.pl']
environment: { PASSWORD: { secret: word } }`,
  }),
  ...serverStack('deaf', { dockerfile: plainImage, yaml: `command: [sh, -c, 'perl /server.pl & wait']` }),
  ...serverStack('asks', {
    dockerfile: plainImage,
    yaml: 'command: [perl, /server.pl]',
    checks: "  - { name: it owns, exec: { command: [sh, -c, 'touch /tmp/a && chown nobody /tmp/a'] } }",
  }),
  ...serverStack('keeper', {
    dockerfile: `${plainImage}RUN mkdir -p /srv/db && echo 1 > /srv/db/version\n`,
    yaml: `command: [sh, -c, 'cat /srv/db/version && touch /srv/db/lock && exec perl /server.pl']`,
  }),
  'matrix.yaml': `secrets: { word: { env: MATRIX_TEST_WORD } }
images: { debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } } }
`,
}
const secret = { MATRIX_TEST_WORD: "open 'sesame" }

let made: TestProject
let run: RunRecord
let text: string
beforeAll(async () => {
  made = project(files)
  const { stdout, stderr } = await matrix(['explain', '--try', '--json', ...cells], { cwd: made.root, env: secret })
  run = JSON.parse(stdout) as RunRecord
  text = stderr + stdout
})
afterAll(() => made?.[Symbol.dispose]())

const cellOf = (id: string): CellRecord => run.cells.find((cell) => cell.id === id) ?? expect.fail(`no cell ${id}`)
const shell = (command: string) => execa('sh', ['-c', command], { reject: false, env: secret, timeout: 120_000 })

describe('an explanation', () => {
  test.each([
    ['writer@locked', ['read_only']],
    ['keeper@locked', ['read_only']],
    ['deaf@hasty', ['stop_grace_period']],
    ['asks@bare', ['cap_drop:CHOWN']],
  ])('of %s names %j', (id, constraints) => {
    const { diagnosis, causes } = cellOf(id)
    expect({ diagnosis, causes: causes.map((cause) => cause.constraints) }).toEqual({
      diagnosis: 'constraints',
      causes: [constraints],
    })
    expect(causes[0]?.remedy?.relaxations[0]).toMatchObject({ constraints, passes: true })
  })

  test('gives a patch that was run', () => {
    expect(cellOf('writer@locked').causes[0]?.remedy?.patch).toEqual({
      file: 'stacks/writer/stack.yaml',
      yaml: 'service:\n  tmpfs: [/var]\n',
      passes: true,
    })
  })

  test('gives a volume where a tmpfs would hide what the image has there', () => {
    expect(cellOf('keeper@locked').causes[0]?.remedy?.patch).toEqual({
      file: 'stacks/keeper/stack.yaml',
      yaml: 'service:\n  volumes: [/srv/db]\n',
      passes: true,
    })
  })

  test('holds no secret', () => {
    expect(text).not.toContain('sesame')
  })
})

describe('the reproduction', () => {
  test('of a start that fails ends by itself with an error', async () => {
    const { fails } = cellOf('writer@locked').causes[0]?.reproduction ?? expect.fail('there is none')
    expect(fails).toContain('"$MATRIX_TEST_WORD"')
    const { exitCode, stderr } = await shell(fails)
    expect(exitCode).not.toBe(0)
    expect(stderr).toContain('Read-only file system')
  })

  test('of the same start without the cause goes on running', async () => {
    const { passes } = cellOf('writer@locked').causes[0]?.reproduction ?? expect.fail('there is none')
    const running = execa('sh', ['-c', `exec ${passes}`], { reject: false, env: secret, timeout: 120_000 })
    const said = new Promise<string>((resolve) => {
      running.stdout?.on('data', (chunk: Buffer) => resolve(chunk.toString()))
      running.then(() => resolve('it ended'))
    })
    expect(await said).toContain('listening')
    running.kill('SIGTERM')
    await running
  })

  test.each(['deaf@hasty', 'asks@bare'])('of %s: one line fails, the other passes', async (id) => {
    const { fails, passes } = cellOf(id).causes[0]?.reproduction ?? expect.fail('there is none')
    const failing = await shell(fails)
    expect(failing.exitCode).not.toBe(0)
    expect(failing.stderr).not.toContain('not found')
    const passing = await shell(passes)
    expect({ exitCode: passing.exitCode, stderr: passing.stderr }).toEqual({ exitCode: 0, stderr: '' })
  })
})
