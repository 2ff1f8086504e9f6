/** Nights of one project on a real engine: a stack is broken and mended, and a waiver comes and goes. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Notification } from '../../src/model/notification.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import { matrix } from '../support/matrix.ts'
import { environment, project, serverStack, type TestProject } from '../support/project.ts'

let made: TestProject
let told: Notification[] = []
const hook = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => {
    body += chunk.toString()
  })
  request.on('end', () => {
    told.push(JSON.parse(body) as Notification)
    response.end()
  })
})

beforeAll(async () => {
  await new Promise<void>((done) => hook.listen(0, '127.0.0.1', done))
  const address = hook.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  made = project({
    'matrix.yaml': `images: { debian:bookworm-slim: { bootstrap: { distribution: debian, suite: bookworm } } }
secrets: { hook: { env: HOOK } }
notify:
  - webhook: { secret: hook }
  - command: [sh, -c, "cat > told.json"]
`,
    ...environment('here'),
    // That it listens is all that it is waited for, so that an answer that is wrong is known at once.
    ...serverStack('web', { readiness: '{ tcp: { port: http }, deadline: 30s }' }),
    ...serverStack('other'),
    '.gitignore': 'reports/\ntold.json\n',
  })
  process.env['HOOK'] = `http://127.0.0.1:${port}/secret-path`
  await git('init', '--quiet')
  await commit('first')
})
afterAll(() => {
  delete process.env['HOOK']
  hook.close()
  made[Symbol.dispose]()
})

const git = (...args: readonly string[]) =>
  execa('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: made.root })
async function commit(message: string): Promise<string> {
  await git('add', '-A')
  await git('commit', '--quiet', '--allow-empty', '-m', message)
  return (await git('rev-parse', 'HEAD')).stdout
}

interface Night {
  readonly exitCode: number | undefined
  readonly run: RunRecord
  readonly stderr: string
  readonly told: readonly Notification[]
}
async function night(...args: readonly string[]): Promise<Night> {
  told = []
  rmSync(join(made.root, 'told.json'), { force: true })
  const { exitCode, stderr } = await matrix(['nightly', '--no-explain', ...args], { cwd: made.root })
  const { path } = JSON.parse(readFileSync(join(made.root, 'reports/latest.json'), 'utf8')) as { readonly path: string }
  const run = JSON.parse(readFileSync(join(made.root, 'reports', path), 'utf8')) as RunRecord
  return { exitCode, run, stderr, told }
}
const web = (run: RunRecord) => run.cells.find((cell) => cell.id === 'web@here')
const served = (text: string) => {
  const path = join(made.root, 'stacks/web/server.pl')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/'(200 OK|500 Broken)'/, `'${text}'`))
}
const waive = (yaml: string) => writeFileSync(join(made.root, 'waivers.yaml'), yaml)
const day = (offset: number) => new Date(Date.now() + offset * 24 * 3600 * 1000).toISOString().slice(0, 10)
const waiver = (signature: string, expires: string, environmentId = 'here') => `waivers:
- match: { stack: web, environment: ${environmentId}, signature: "${signature}" }
  reason: the proxy answers for it
  owner: "@ops"
  created: ${day(-30)}
  expires: ${expires}
`

describe('night after night', () => {
  let first: RunRecord
  let signature = ''

  test('the first has nothing to compare with, and nobody is told that all is well', async () => {
    const { exitCode, run, told: heard } = await night()
    first = run
    expect([exitCode, run.baseline, heard]).toEqual([0, null, []])
    expect(run.source?.commit).toMatch(/^[0-9a-f]{40}$/)
  })

  test('a stack that breaks is a regression, and what changed is named', async () => {
    served('500 Broken')
    const broken = await commit('break the server')
    const { exitCode, run, told: heard, stderr } = await night('--gate', 'regressions')
    signature = web(run)?.signature ?? ''
    expect([exitCode, web(run)?.outcome, web(run)?.change]).toEqual([1, 'fail', 'regressed'])
    expect(run.cells.find((cell) => cell.id === 'other@here')?.change).toBe('unchanged')
    // Alone it fails too.
    expect(web(run)).toMatchObject({ flaky: false, again: [{ signature }, { signature }] })
    const [message] = heard
    expect(message).toMatchObject({ version: 1, run: run.id, baseline: first.id, commit: broken, exitCode: 1 })
    expect(message?.changed).toMatchObject([{ cell: 'web@here', change: 'regressed', outcome: 'fail', signature }])
    expect(JSON.parse(readFileSync(join(made.root, 'told.json'), 'utf8'))).toEqual(message)
    expect(stderr).not.toContain('secret-path')
    const html = readFileSync(join(made.root, 'reports', run.id, 'index.html'), 'utf8')
    expect(html).toContain('Since it last passed')
    expect(html).toContain(first.id)
    expect(html).toContain(broken.slice(0, 12))
    expect(html).toContain(web(first)?.image?.id.slice(0, 19))
  })

  test('what is known is no regression, and no news', async () => {
    const { exitCode, run, told: heard } = await night('--gate', 'regressions')
    expect([exitCode, web(run)?.change, heard]).toEqual([0, 'unchanged', []])
  })

  test('a waiver of its signature makes it known; one of another does not, and one that ended neither', async () => {
    waive(waiver(signature, day(3)))
    const covered = await night()
    expect([covered.exitCode, web(covered.run)?.waiver?.owner]).toEqual([0, '@ops'])
    expect(covered.run.waivers).toMatchObject([{ state: 'used', daysLeft: 3 }])
    const junit = readFileSync(join(made.root, 'reports', covered.run.id, 'junit.xml'), 'utf8')
    expect(junit).toContain('matrix.waived')

    waive(waiver('s1:ffffffffffff', day(3)))
    const otherwise = await night()
    expect([otherwise.exitCode, otherwise.run.waivers[0]?.state]).toEqual([1, 'other-failure'])

    waive(waiver(signature, day(-1)))
    const ended = await night()
    expect([ended.exitCode, ended.run.waivers[0]?.state]).toEqual([1, 'ended'])
  })

  test('mended, it is fixed, and its waiver is asked to go', async () => {
    served('200 OK')
    const mended = await commit('mend the server')
    waive(`${waiver(signature, day(3))}${waiver(signature, day(3), 'nowhere').replace('waivers:\n', '')}`)
    const { exitCode, run, told: heard } = await night()
    expect([exitCode, web(run)?.change]).toEqual([0, 'fixed'])
    expect(run.waivers.map((one) => one.state)).toEqual(['passing', 'absent'])
    expect(heard[0]).toMatchObject({ commit: mended, changed: [{ cell: 'web@here', change: 'fixed' }] })
    const { stdout } = await matrix(['diff'], { cwd: made.root })
    expect(stdout).toMatch(/fixed 1\n {2}web@here: fail → pass/)
    expect(stdout).toContain('image:')
    const { stdout: history } = await matrix(['history', 'web@here'], { cwd: made.root })
    expect(history).toMatch(/web@here +│ pass +│ PFFWFFP/)
  })
})
