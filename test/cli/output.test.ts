/** The built program, its whole output and its exit codes. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import type { RunRecord } from '../../src/model/run-record.ts'
import { runSchema } from '../../src/record/run-schema.ts'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack } from '../support/project.ts'

describe('matrix', () => {
  test('tells its commands, each with help and examples', async () => {
    const { exitCode, stdout } = await matrix(['--help'], { cwd: '/' })
    expect(exitCode).toBe(0)
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map((found) => found[1] ?? '')
    expect(commands).toEqual(
      expect.arrayContaining(['check', 'validate', 'list', 'report', 'env', 'doctor', 'clean', 'init', 'schema']),
    )
    for (const command of commands.filter((name) => name !== 'help' && name !== 'matrix')) {
      const help = await matrix([command, '--help'], { cwd: '/' })
      expect(help.stdout).toMatch(/^Usage: matrix /)
      expect(help.stdout).toContain('Examples:\n  matrix ')
    }
  })

  test('says which it is', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    const told = { exitCode: 0, stdout: `matrix ${version}\n`, stderr: '' }
    expect(await matrix(['--version'], { cwd: '/' })).toEqual(told)
  })

  test('refuses what it does not know', async () => {
    expect(await matrix(['chekc'], { cwd: '/' })).toMatchObject({ exitCode: 2, stdout: '' })
    expect(await matrix(['check', '--nonsense'], { cwd: '/' })).toMatchObject({ exitCode: 2, stdout: '' })
    for (const command of ['validate', 'serve', 'clean']) {
      expect(await matrix(['-C', '/no/such/folder', command], { cwd: '/' })).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: 'matrix: -C /no/such/folder: there is no such folder\n',
      })
    }
    // What cannot be looked at may be there; nobody has to be told the place of a defect in Matrix.
    expect(await matrix(['-C', 'x'.repeat(300), 'list'], { cwd: '/' })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^matrix: -C x+: ENAMETOOLONG: name too long/),
    })
    expect(await matrix(['schema', 'stck'], { cwd: '/' })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'matrix: there is no schema "stck". Did you mean "stack"? There are: matrix, stack, environment, waivers, run.\n',
    })
    expect((await matrix(['schema', 'nope'], { cwd: '/' })).stderr).toBe(
      'matrix: there is no schema "nope". There are: matrix, stack, environment, waivers, run.\n',
    )
  })

  test('whose output finds no room says so, for half of it would pass as the whole', async () => {
    const program = new URL('../../bin/matrix.js', import.meta.url).pathname
    const full = `"$0" "$1" schema run > /dev/full`
    const told = await execa('sh', ['-c', full, process.execPath, program], { reject: false })
    expect(told.exitCode).toBe(3)
    expect(told.stderr).toMatch(/^matrix: the output could not be written: ENOSPC/)
  })

  test('that was not built yet says how it is', async () => {
    using folder = project({ 'bin/matrix.js': readFileSync(new URL('../../bin/matrix.js', import.meta.url), 'utf8') })
    writeFileSync(join(folder.root, 'package.json'), '{ "type": "module" }')
    const told = await execa(process.execPath, [join(folder.root, 'bin/matrix.js'), 'list'], { reject: false })
    const hint = `  Run in ${folder.root}/: npm ci && npm run build`
    expect(told).toMatchObject({ exitCode: 3, stdout: '', stderr: `matrix: it is not built yet\n${hint}` })
  })

  test('helps with each command, and refuses to help with one that there is not', async () => {
    expect(await matrix(['help', 'check'], { cwd: '/' })).toEqual(await matrix(['check', '--help'], { cwd: '/' }))
    expect(await matrix(['help', 'env', 'up'], { cwd: '/' })).toEqual(
      await matrix(['env', 'up', '--help'], { cwd: '/' }),
    )
    expect((await matrix(['help'], { cwd: '/' })).stdout).toBe((await matrix(['--help'], { cwd: '/' })).stdout)
    for (const [words, told] of [
      [['help', 'chek'], "matrix: unknown command 'chek'\n(Did you mean check?)\n"],
      [['help', 'env', 'dwn'], "matrix: unknown command 'dwn'\n(Did you mean down?)\n"],
      [['env', 'help', 'nope'], "matrix: unknown command 'nope'\n"],
      [['help', 'check', 'nope'], "matrix: check has no command 'nope' below it\n"],
    ] as const) {
      expect(await matrix(words, { cwd: '/' })).toEqual({ exitCode: 2, stdout: '', stderr: told })
    }
  })

  test('tells each host that this machine could offer, what was tried, and what the project takes together', async () => {
    const vast = 'engine: { provision: { kind: vm, release: bookworm, memory: 99999g } }'
    using asking = project({ ...environment('vast', vast), ...serverStack('api') })
    const { exitCode, stdout } = await matrix(['doctor', '--json'], { cwd: asking.root })
    expect(exitCode).toBe(3)
    const found = JSON.parse(stdout) as { name: string; state: string; value: string; mend?: string }[]
    const of = (name: string) => found.filter((finding) => finding.name === name)
    for (const name of ['KVM', 'gVisor', 'rootless', 'overlay', 'vxlan']) expect(of(name), name).toHaveLength(1)
    expect(of('mirror')).toMatchObject([{ value: expect.stringMatching(/http:\/\/\S+\/debian/) }])
    const hosts = of('host').map(({ value }) => value.split(/[: ]/)[0])
    expect(hosts).toHaveLength(7)
    const some = ['docker-trixie-rootless', 'docker-trixie-runsc', 'podman-trixie-rootless', 'swarm-trixie-3']
    expect(hosts).toEqual(expect.arrayContaining(some))
    expect(of('room')).toMatchObject([{ state: 'missing', value: expect.stringContaining('takes 99999.0 GiB') }])
  })

  test('tells of engines that environments name, and of hosts that the engine in use cannot hold', async () => {
    const nowhere = 'unix:///run/no-such-engine.sock'
    using naming = project({
      ...environment('theirs', `engine: { connect: "${nowhere}" }`),
      ...environment('shared', `engine: { pool: ["${nowhere}"] }`),
      ...serverStack('api'),
    })
    const elsewhere = 'tcp://127.0.0.1:9'
    const { stdout } = await matrix(['doctor', '--json'], { cwd: naming.root, env: { DOCKER_HOST: elsewhere } })
    const found = JSON.parse(stdout) as { name: string; state: string; value: string }[]
    expect(found.filter(({ name }) => name === 'engine')).toMatchObject([
      { state: 'missing', value: expect.stringContaining(elsewhere) },
      { state: 'note', value: expect.stringContaining(`${nowhere} (shared, theirs)`) },
    ])
    const able = found.filter(({ name, value }) => name === 'host' && value.endsWith('can be had'))
    expect(able.filter(({ value }) => !value.startsWith('vm-'))).toEqual([])
  })

  test('reports every mistake at once and starts nothing', async () => {
    using broken = project({
      ...environment('qa', 'constraints: { mem_limit: 512 }'),
      ...serverStack('api', { yaml: 'stopsignal: TERM' }),
    })
    const result = await matrix(['check'], { cwd: broken.root })
    expect(result).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `environments/qa.yaml:1:27 error[unit]: mem_limit: a size needs a unit; 512 would mean 512 bytes. Write "512m".
 1 | constraints: { mem_limit: 512 }
   |                           ^^^

stacks/api/stack.yaml:4:1 error[unknown-key]: unknown key "stopsignal".
 4 | stopsignal: TERM
   | ^^^^^^^^^^
    allowed: title, build, image, command, entrypoint, working_dir, needs, ports, environment, service, readiness, checks, exclusive, variants

2 mistakes; nothing was started.
`,
    })
    expect(existsSync(join(broken.root, 'reports'))).toBe(false)
    expect((await matrix(['validate'], { cwd: broken.root })).exitCode).toBe(2)
  })

  test('takes a folder that cannot be written for what it is, and for no defect of its own', async () => {
    using blocked = project({ ...environment('qa'), ...serverStack('api'), reports: '', '.matrix': '', deploy: '' })
    for (const [command, file] of [
      [['check'], 'reports'],
      [['schema', '--write'], '.matrix/schema'],
      [['init', '--ci', 'cron'], 'deploy'],
    ] as const) {
      const { exitCode, stderr } = await matrix(command, { cwd: blocked.root })
      expect(stderr).toContain(`matrix: ${join(blocked.root, file)} cannot be written: `)
      expect(stderr).not.toContain('internal error')
      expect(exitCode).toBe(3)
    }
  })

  test('says what is not there to be selected', async () => {
    using small = project({ ...environment('qa'), ...serverStack('api') })
    expect(await matrix(['check', '--stack', 'apu'], { cwd: small.root })).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: 'matrix: there is no stack "apu". Did you mean "api"? There are: api.\n',
    })
    expect((await matrix(['check', 'api'], { cwd: small.root })).stderr).toMatch(
      /A cell is written STACK@ENVIRONMENT, .* All of its cells: --stack api\./,
    )
    expect((await matrix(['list'], { cwd: small.root })).stdout).toContain('1 cell to run, 0 excluded, 1 image\n')
    const ofNone = await matrix(['list', '--env', ''], { cwd: small.root })
    expect(ofNone).toMatchObject({ exitCode: 2, stdout: '' })
    expect(ofNone.stderr).toContain('At least one id is expected.')
    expect((await matrix(['check', '--deadline', '10'], { cwd: small.root })).stderr).toContain(
      'a duration is expected',
    )
    expect((await matrix(['check', '--failed'], { cwd: small.root })).stderr).toContain(
      '--failed needs a run before it',
    )
    expect((await matrix(['report'], { cwd: small.root })).exitCode).toBe(2)
    expect(await matrix(['env', 'down', 'qa'], { cwd: small.root })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'matrix: no host is brought up for qa, so there is none to stop\n',
    })
    using nested = project({
      ...serverStack('api'),
      ...environment('old', 'engine: { provision: { kind: nested, engine: docker, release: bullseye } }'),
    })
    expect(await matrix(['env', 'down', 'old'], { cwd: nested.root })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'matrix: no host is brought up for old, so there is none to stop\n',
    })
  })

  test('prints the matrix, why a cell is red, and a sentence; then runs what failed again', async () => {
    using mixed = project({
      ...environment('qa'),
      ...serverStack('good'),
      ...serverStack('bad', {
        // What a container writes reaches the terminal as text, whatever it is.
        yaml: `command: [sh, -c, 'printf "\\033[2J\\033]0;owned\\007\\r\\033[31mforged\\n"; exec perl /server.pl']`,
        checks: '  - { name: greets, http: { port: http }, expect: { json: { $.greeting: hello } } }',
      }),
    })
    const { exitCode, stdout, stderr } = await matrix(['check'], { cwd: mixed.root })
    expect(exitCode).toBe(1)
    const id = readdirSync(join(mixed.root, 'reports')).find((name) => /^\d{4}-/.test(name)) ?? ''
    const steady = stdout
      .replaceAll(id, 'RUN')
      .replace(/evidence\/[0-9a-f]{12}/, 'evidence/HASH')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/in [\d.]+ m?s\./, 'in T.')
    expect(steady).toBe(`┌──────┬────────┐
│      │ qa     │
├──────┼────────┤
│ bad  │ ✘ FAIL │
│ good │ ✔ pass │
└──────┴────────┘

fail at check (mismatch): bad@qa
  $.greeting: expected "hello", found nothing
  ✘ greets (stacks/bad/stack.yaml:6:5)
    $.greeting: expected "hello", found nothing
    expected {"status":200,"$.greeting":"hello"}
    found    {"status":200,"$.greeting":null}
  bad log, last lines (evidence/HASH…):
    | TIME out ␛[2J␛]0;owned␇␍␛[31mforged
    | TIME out listening on 8080

Something failed: 1 failed, 1 passed, in T.
Report: reports/RUN/index.html
`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    expect(stderr).toMatch(/1\/2 {2}(good@qa pass|bad@qa fail)/)

    const folder = join(mixed.root, 'reports', id)
    expect(readdirSync(folder).sort()).toEqual([
      ...['badge.json', 'ctrf.json', 'events.jsonl', 'evidence', 'index.html', 'junit.xml', 'metrics.prom'],
      ...['run.json', 'summary.md'],
    ])
    const run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord
    expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
    expect(JSON.parse(readFileSync(join(mixed.root, 'reports/latest.json'), 'utf8'))).toEqual({
      run: id,
      path: `${id}/run.json`,
    })
    expect(readFileSync(join(mixed.root, 'reports/history.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2)

    const again = await matrix(['report', '--format', 'json'], { cwd: mixed.root })
    expect(JSON.parse(again.stdout)).toEqual(run)
    const failed = await matrix(['check', '--failed', '--json'], { cwd: mixed.root })
    expect((JSON.parse(failed.stdout) as RunRecord).cells.map((cell) => cell.id)).toEqual(['bad@qa'])
  })

  test('keeps a gigabyte of log out of its memory and its evidence', async () => {
    using noisy = project({
      ...environment('qa', 'contract: { stops_within: 5s }'),
      ...serverStack('flood', {
        yaml: `command: [sh, -c, 'perl -e "print qq(x) x 4000, qq(\\n) for 1 .. 268500"; exec perl /server.pl']`,
        readiness: '{ http: { port: http }, deadline: 3m }',
      }),
    })
    const { exitCode, stdout } = await matrix(['check', '--json'], {
      cwd: noisy.root,
      env: { NODE_OPTIONS: '--max-old-space-size=256' },
    })
    expect(exitCode).toBe(0)
    const run = JSON.parse(stdout) as RunRecord
    expect(run.cells[0]?.evidence.every((ref) => ref.sizeBytes <= 1024 * 1024)).toBe(true)
  })

  test('keeps secrets out of everything that it writes', async () => {
    const secret = 'plum-9c1f-cake'
    using guarded = project({
      ...environment('qa'),
      ...serverStack('plain'),
      ...serverStack('api', {
        yaml: `environment: { PASSWORD: { secret: password } }\ncommand: [sh, -c, 'echo "password is $PASSWORD"; exec perl /server.pl']`,
        checks: `  - { name: echoes, http: { port: http, method: POST, path: /echo, body: x, headers: { X-Password: { secret: password } } }, expect: { body: y } }
  - { name: shows, exec: { command: [env] }, expect: { stdout: { contains: nothing } } }`,
      }),
      'matrix.yaml':
        'secrets: { password: { env: SHOP_PASSWORD } }\nimages: { debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } } }\n',
    })
    expect(await matrix(['check', '--stack', 'plain'], { cwd: guarded.root })).toMatchObject({ exitCode: 0 })
    const missing = await matrix(['check'], { cwd: guarded.root })
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SHOP_PASSWORD, which is not set') })
    const { exitCode, stdout, stderr } = await matrix(['check'], { cwd: guarded.root, env: { SHOP_PASSWORD: secret } })
    expect(exitCode).toBe(1)
    expect(stdout + stderr).toContain('[secret]')
    expect(stdout + stderr).not.toContain(secret)
    const written = readdirSync(join(guarded.root, 'reports'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    expect(written.length).toBeGreaterThan(5)
    expect(written.filter((text) => text.includes(secret))).toEqual([])
  })
})

describe('matrix init', () => {
  test('writes a project that is green, and overwrites nothing', async () => {
    using empty = project({})
    const root = join(empty.root, 'shop')
    const env = { npm_lifecycle_event: 'npx' }
    const made = await matrix(['init', 'shop'], { cwd: empty.root, env })
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Next:\n  npx matrix') })
    expect(readFileSync(join(empty.root, 'shop', '.gitignore'), 'utf8')).toBe('reports/\n.matrix/\n')
    expect(await matrix(['validate'], { cwd: root })).toEqual({
      exitCode: 0,
      stdout: 'valid: 1 stack × 2 environments\n',
      stderr: '',
    })
    const checked = await matrix(['check', '--json'], { cwd: root })
    expect((JSON.parse(checked.stdout) as RunRecord).cells.map((cell) => [cell.id, cell.outcome])).toEqual([
      ['hello@laptop', 'pass'],
      ['hello@locked-down', 'pass'],
    ])
    const again = await matrix(['-C', 'shop', 'report'], { cwd: empty.root })
    const [, path = ''] = /^Report: (.*)$/m.exec(again.stdout) ?? []
    expect(existsSync(join(empty.root, path)), path).toBe(true)
    const before = readFileSync(join(root, 'matrix.yaml'), 'utf8')
    expect(await matrix(['init', 'shop'], { cwd: empty.root })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('has matrix.yaml, stacks, environments already; nothing was written'),
    })
    expect(readFileSync(join(root, 'matrix.yaml'), 'utf8')).toBe(before)
  })
  test('leaves a .gitignore that is there, and says what belongs in it', async () => {
    using made = project({ 'shop/.gitignore': 'node_modules/\n' })
    const { exitCode, stdout } = await matrix(['init', 'shop'], { cwd: made.root, env: { npm_lifecycle_event: '' } })
    expect([exitCode, stdout.split('Next:\n')[1]]).toEqual([
      0,
      expect.stringMatching(/^ {2}add reports\/ and \.matrix\/ to \.gitignore\n {2}matrix /),
    ])
    expect(readFileSync(join(made.root, 'shop', '.gitignore'), 'utf8')).toBe('node_modules/\n')
  })
  test('is called as it was named: by its whole path where that was given', async () => {
    using made = project({})
    const whole = join(made.root, 'shop')
    const { stdout } = await matrix(['init', whole], { cwd: made.root, env: { npm_lifecycle_event: '' } })
    expect(stdout).toContain(`Next:\n  matrix -C ${whole} list\n`)
  })
})
