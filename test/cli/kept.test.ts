/** What `--keep-failed` leaves, as `matrix logs` and `matrix shell` show it; on a real engine. */
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { matrix } from '../support/matrix.ts'
import { bases, environment, project, serverStack, type TestProject } from '../support/project.ts'

const program = new URL('../../bin/matrix.js', import.meta.url).pathname
const broken = '  - { name: it greets, http: { port: http }, expect: { body: { contains: hello } } }'
let made: TestProject
let checked: Awaited<ReturnType<typeof matrix>>
const run = (...args: readonly string[]) => matrix(args, { cwd: made.root, env: { TOLD: 'a-word-to-hide' } })

beforeAll(async () => {
  made = project({
    'matrix.yaml': `${bases}secrets: { told: { env: TOLD } }\n`,
    // A test of how it stops would leave nothing to open a shell in.
    ...environment('here', 'contract: { stops_within: 10s }'),
    ...serverStack('db'),
    ...serverStack('web', { yaml: 'needs: [db]\nenvironment: { TOLD: { secret: told } }', checks: broken }),
    'stacks/gone/stack.yaml': `build: { context: ., dockerfile: Dockerfile }
environment: { TOLD: { secret: told } }
ports: { http: { port: 81 } }
readiness: { tcp: { port: http }, deadline: 20s }
checks: [{ name: c, exec: { command: ["true"] } }]
`,
    'stacks/gone/Dockerfile': `FROM debian:bookworm-slim
CMD ["sh", "-c", "echo first; echo told $TOLD >&2; printf '\\\\033[2J\\\\n'; exit 7"]
`,
  })
  checked = await run('check', '--keep-failed', '--no-rerun')
})
afterAll(async () => {
  await run('clean')
  made[Symbol.dispose]()
})

describe('a cell that is kept', () => {
  test('is told of when the run ends', () => {
    expect(checked.exitCode).toBe(1)
    expect(checked.stderr).toContain('matrix logs web@here    matrix shell web@here')
    expect(checked.stderr).not.toContain('matrix logs db@here')
  })
  test('shows what its containers said, with nothing that a terminal would obey, and no secret', async () => {
    const { exitCode, stdout, stderr } = await run('logs', 'gone@here')
    expect([exitCode, stderr]).toEqual([0, 'gone: exited with 7\n'])
    expect(stdout).toMatch(/^\S+Z gone out first$/m)
    expect(stdout).toMatch(/^\S+Z gone err told \[secret\]$/m)
    expect(stdout).not.toContain('\u001b')
    expect((await run('logs', 'gone@here', '--tail', '1')).stdout.trimEnd().split('\n')).toHaveLength(1)
  })
  test('runs a command in any of its containers, and ends as that does', async () => {
    const inside = await run('shell', 'web@here', '--', 'sh', '-c', 'id -un; hostname -i; echo on its side >&2; exit 5')
    expect([inside.exitCode, inside.stdout.split('\n')[0], inside.stderr]).toEqual([5, 'nobody', 'on its side\n'])
    const need = await run('shell', 'web@here', '--in', 'db', '--', 'hostname', '-i')
    expect(need.exitCode).toBe(0)
    expect(need.stdout).not.toBe(inside.stdout.split('\n').slice(1).join('\n'))
    const absent = await run('shell', 'web@here', '--', '/no/such/program')
    expect(absent.exitCode).toBeGreaterThanOrEqual(126)
    expect(absent.stderr).toContain('/no/such/program cannot be run there')
  })
  test('gives a terminal a shell', async () => {
    const typed = 'tty; stty size; exit 4\n'
    const { exitCode, stdout } = await execa(
      'script',
      ['-qfec', `${process.execPath} ${program} shell web@here`, '/dev/null'],
      {
        cwd: made.root,
        env: { TOLD: 'x', COLUMNS: '', LINES: '' },
        input: typed,
        reject: false,
      },
    )
    expect([exitCode, stdout]).toEqual([4, expect.stringContaining('/dev/pts/')])
  })
  test.each([
    ['a cell that passed', ['logs', 'db@here'], 'nothing of db@here is kept'],
    ['a container that it does not have', ['shell', 'web@here', '--in', 'queue', '--', 'true'], 'there are: db, web'],
    ['a container that has ended', ['shell', 'gone@here', '--', 'true'], 'gone has ended with exit code 7'],
    ['a shell without a terminal', ['shell', 'web@here'], 'matrix shell web@here -- COMMAND'],
    ['a cell that is none', ['logs', 'web@there'], 'there is no environment "there"'],
  ])('is not %s', async (_, args, problem) => {
    const { exitCode, stderr } = await run(...args)
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(problem)])
  })
  test('goes with the next sweep', async () => {
    expect((await run('clean')).exitCode).toBe(0)
    expect((await run('logs', 'web@here')).stderr).toContain('nothing of web@here is kept')
  })
})
