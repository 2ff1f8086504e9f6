import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { publish, tellChanges } from '../../../src/commands/after-night.ts'
import { ciFiles } from '../../../src/commands/init-ci-files.ts'
import type { Io } from '../../../src/commands/io.ts'
import { runNightly } from '../../../src/commands/nightly.ts'
import { notify } from '../../../src/commands/notify.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import { notificationOf } from '../../../src/model/notification.ts'
import { runFolder } from '../../../src/record/run-folder.ts'
import { project } from '../../support/project.ts'
import { eventsOf, finished } from '../../support/runs.ts'

const writes = 'process.stdin.pipe(require("node:fs").createWriteStream("told.json"))'
const run = foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }), finished])

function ioAt(cwd: string, env: Io['env'] = {}): { readonly io: Io; readonly told: () => string } {
  let text = ''
  const stderr = (more: string) => {
    text += more
  }
  const { stdin: stdinStream, stdout: stdoutStream, stderr: stderrStream } = process
  const isTTY = { stdin: false, stdout: false, stderr: false }
  const streams = { stdinStream, stdoutStream, stderrStream, isTTY }
  const signal = new AbortController().signal
  return {
    io: {
      stdout: () => {},
      stderr,
      env,
      cwd,
      workingFolder: cwd,
      columns: 80,
      rows: 24,
      color: false,
      signal,
      ...streams,
    },
    told: () => text,
  }
}

describe('what CI publishes', () => {
  test('is the last night alone, though the folder holds the nights before', () => {
    using made = project({})
    const reports = join(made.root, 'reports')
    const folder = runFolder(reports, run.id)
    mkdirSync(folder.path, { recursive: true })
    for (const path of [folder.junit, folder.metrics, folder.badge]) writeFileSync(path, path)
    publish(reports, run)
    expect(readFileSync(join(reports, 'junit.xml'), 'utf8')).toBe(folder.junit)
    const files = Object.values(ciFiles).flatMap((one) => Object.values(one))
    expect(files.filter((text) => text.includes('*/junit.xml'))).toEqual([])
    expect(files.filter((text) => text.includes('reports/junit.xml'))).toHaveLength(2)
  })
  test('is nothing where the night did not start', async () => {
    using made = project({ 'matrix.yaml': 'nonsense: true\n' })
    const reports = join(made.root, 'reports')
    mkdirSync(reports)
    writeFileSync(join(reports, 'junit.xml'), 'of the night before')
    expect(await runNightly({}, ioAt(made.root).io)).toBe(2)
    expect(existsSync(join(reports, 'junit.xml'))).toBe(false)
  })
})

test('cron makes the folder of its lock first: a fresh clone has none', () => {
  expect(ciFiles.cron['deploy/matrix.cron']).toMatch(/mkdir -p reports && flock -n reports\//)
})

test('in a job of GitHub what a container said is told inside of a fence', async () => {
  using made = project({})
  const { io, told } = ioAt(made.root, { GITHUB_ACTIONS: 'true' })
  await tellChanges(run, { options: {}, io, reports: join(made.root, 'reports') })
  const [, token = ''] = /^::stop-commands::(\S+)\n/.exec(told()) ?? []
  expect(told()).toContain('new api@qa: it did not hold\n')
  expect(token).not.toBe('')
  expect(told().endsWith(`::${token}::\n`)).toBe(true)
})

test('who does not answer is reported without an address, and keeps nobody else from being told', async () => {
  using made = project({})
  const { io, told } = ioAt(made.root)
  const notification = notificationOf(run, { sentence: 'x', report: 'y' })
  if (notification === null) throw new Error('there is news')
  const targets = [
    // Nothing listens on the first port of all.
    { kind: 'webhook', url: 'http://127.0.0.1:1/secret-path' },
    { kind: 'webhook', url: { secret: 'hook' } },
    { kind: 'command', command: [process.execPath, '-e', 'process.exit(3)'] },
    { kind: 'command', command: ['there-is-no-such-program'] },
    { kind: 'command', command: [process.execPath, '-e', writes] },
  ] as const
  await notify(targets, notification, { io, root: made.root, secret: () => 'no address: secret-path' })
  expect(told()).not.toContain('secret-path')
  expect(told().match(/the webhook was not told what changed: /g)).toHaveLength(2)
  expect(told()).toContain('it ended with exit code 3')
  expect(told()).toContain('there-is-no-such-program was not told what changed: ')
  expect(JSON.parse(readFileSync(join(made.root, 'told.json'), 'utf8'))).toEqual(notification)
})
