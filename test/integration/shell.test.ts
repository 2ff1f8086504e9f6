import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Duplex } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { EngineError } from '../../src/engines/engine.ts'
import { manyListeners } from '../../src/lib/abort.ts'
import { Shell, shellCommand } from '../../src/run/relay/shell.ts'
import { until } from '../support/until.ts'

const signal = manyListeners(new AbortController().signal)
const started: ChildProcess[] = []
const streams: Duplex[] = []
afterEach(() => {
  // A shell that hears nothing any more ends what it runs; killed it would leave that behind.
  for (const stream of streams.splice(0)) stream.destroy()
  started.splice(0)
})

/** A shell of this machine's own busybox, with no engine between. */
function connect(command = shellCommand): Promise<Duplex> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  started.push(child)
  child.stdin.on('error', () => {})
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout })
  streams.push(stream)
  return Promise.resolve(stream)
}

const echo = (shell: Shell, word: string) => shell.run({ text: 'echo "$1"', args: [word] }, { maxBytes: 100, signal })
const waits = { text: 'exec /bin/busybox sleep 1000', args: [] }
const foldersOf = (pid: number | undefined) => readdirSync('/tmp').filter((name) => name === `matrix-shell-${pid}`)

test('where the connection breaks, what is under way fails, and the next script has a new one', async () => {
  const shell = new Shell(() => connect())
  const stream = await shell.open(waits, { signal })
  const streamFails = new Promise((resolve) => stream.once('error', resolve))
  const run = shell.run(waits, { maxBytes: 100, signal })
  expect(await echo(shell, 'before')).toMatchObject({ stdout: 'before\n' })
  streams[0]?.destroy(new Error('cut'))
  await expect(run).rejects.toMatchObject({ code: 'unreachable' })
  expect(await streamFails).toBeInstanceOf(EngineError)
  expect(await echo(shell, 'after')).toMatchObject({ stdout: 'after\n', exitCode: 0 })
  expect(started).toHaveLength(2)
})

test('a connection that cannot be made is tried anew for the next script', async () => {
  let tries = 0
  const refused = new EngineError('conflict', 'the container is not running')
  const shell = new Shell(() => (++tries === 1 ? Promise.reject(refused) : connect()))
  await expect(echo(shell, 'first')).rejects.toBe(refused)
  expect(await echo(shell, 'second')).toMatchObject({ stdout: 'second\n' })
})

test('what is no shell is told for what it says', async () => {
  const shell = new Shell(() => connect(['/bin/busybox', 'sh', '-c', 'echo "sh: not here"; exec /bin/busybox cat']))
  await expect(echo(shell, 'one')).rejects.toMatchObject({
    code: 'failed',
    message: expect.stringContaining('not here'),
  })
  const flooding = new Shell(() => connect(['/bin/busybox', 'sh', '-c', 'exec /bin/busybox cat /dev/zero']))
  await expect(echo(flooding, 'two')).rejects.toMatchObject({ code: 'failed' })
})

test('once nobody talks to it any more it ends what it runs, and leaves no file', async () => {
  const shell = new Shell(() => connect())
  const stream = await shell.open(waits, { signal })
  await echo(shell, 'both run')
  const [child] = started
  expect(foldersOf(child?.pid)).toHaveLength(1)
  const ended = new Promise((resolve) => child?.once('close', resolve))
  stream.on('error', () => {})
  shell.dispose()
  await ended
  await until(async () => foldersOf(child?.pid).length === 0)
})
