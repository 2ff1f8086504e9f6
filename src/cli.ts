/** argv, signals and the exit code: the only file that touches `process`. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import { Command, CommanderError } from 'commander'
import { addChecking } from './cli/checking.ts'
import { addDeclarations } from './cli/declarations.ts'
import { addHelp } from './cli/help.ts'
import { addKept } from './cli/kept.ts'
import { addMachine } from './cli/machine.ts'
import { examples, type Perform } from './cli/options.ts'
import { addResults } from './cli/results.ts'
import type { Io } from './commands/io.ts'
import { tool } from './commands/version.ts'
import { CancelledError, manyListeners } from './lib/abort.ts'
import { printable } from './lib/printable.ts'
import { unwritable } from './lib/unwritable.ts'

const exit = { ok: 0, usage: 2, trouble: 3, internal: 70, interrupted: 130 } as const

const cancelling = new AbortController()
manyListeners(cancelling.signal)
let exitCode: number = exit.ok

// `npx` and `npm run` pass on a Ctrl-C that the terminal has delivered already.
const sameWishMs = 100
let interruptedAt = Number.NEGATIVE_INFINITY

function interrupt(): void {
  const now = performance.now()
  if (now - interruptedAt < sameWishMs) return
  if (cancelling.signal.aborted) process.exit(exit.interrupted)
  interruptedAt = now
  cancelling.abort(new CancelledError('interrupted'))
  write(process.stderr, 'matrix: stopping and cleaning up; once more to leave at once\n')
}

// A reader such as `head` may leave early: what it does not want is dropped, and the command goes on.
const unread = new Set<NodeJS.WriteStream>()
/** What could not be written, as to a full disk: half a report must not look like a whole one. */
const spoilt = new Map<NodeJS.WriteStream, Error>()
function write(stream: NodeJS.WriteStream, text: string): void {
  if (!unread.has(stream)) stream.write(text)
}

function ioOf(cwd: string): Io {
  const { env, stdout, stderr } = process
  return {
    stdout: (text) => write(stdout, text),
    stderr: (text) => write(stderr, text),
    env,
    cwd,
    workingFolder: resolve('.'),
    isTTY: { stdin: isatty(0), stdout: stdout.isTTY === true, stderr: stderr.isTTY === true },
    get columns() {
      return stdout.columns ?? 80
    },
    get rows() {
      return stdout.rows ?? 24
    },
    color: wantsColor(env, stdout.isTTY === true),
    signal: cancelling.signal,
    get stdinStream() {
      return process.stdin
    },
    stdoutStream: stdout,
    stderrStream: stderr,
  }
}

function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return isTerminal && env['TERM'] !== 'dumb'
}

const perform: Perform = async (run) => {
  const { project } = program.opts<{ readonly project?: string }>()
  const obstacle = project === undefined ? null : obstacleAt(project)
  if (obstacle !== null) {
    write(process.stderr, `matrix: -C ${printable(`${project}: ${obstacle}`)}\n`)
    exitCode = exit.usage
    return
  }
  const code = await run(ioOf(resolve(project ?? '.')))
  exitCode = cancelling.signal.aborted ? exit.interrupted : code
}

/** Why this is no folder to work in; null where it is one. */
function obstacleAt(path: string): string | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? null : 'there is no such folder'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const program = new Command('matrix')
  .description('Builds each stack once, runs it in every environment, and says why a cell is red.')
  .version(`${tool.name} ${tool.version}`, '-V, --version', 'say which Matrix this is')
  .option('-C, --project <dir>', "the project's folder (default: the working directory)")
  .configureOutput({
    writeOut: (text) => write(process.stdout, text),
    writeErr: (text) => write(process.stderr, text),
    outputError: (text, out) => out(text.replace(/^error: /, 'matrix: ')),
  })
  .exitOverride()
  .addHelpText('after', examples(['matrix check --stack api-endpoint', 'matrix list', 'matrix doctor']))

for (const add of [addChecking, addKept, addResults, addDeclarations, addMachine]) add(program, perform)
addHelp(program)

/** Says what went wrong that no command expected, and gives the exit code for it. */
function unexpected(error: unknown): number {
  const problem = unwritable(error)
  if (problem === null) {
    internalError(error)
    return exit.internal
  }
  write(process.stderr, `matrix: ${printable(problem)}\n  Make room there, or make it writable.\n`)
  return exit.trouble
}

function internalError(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write(process.stderr, `matrix: internal error\n${printable(text)}\n`)
}

async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      unread.add(stream)
      if (error.code !== 'EPIPE') spoilt.set(stream, error)
    })
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      internalError(error)
      process.exit(exit.internal)
    })
  }
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? exit.ok : exit.usage
    } else if (cancelling.signal.aborted && (error === cancelling.signal.reason || error instanceof CancelledError)) {
      exitCode = exit.interrupted
    } else {
      exitCode = unexpected(error)
    }
  }
  // Pipes are written asynchronously; leaving before they are drained would cut the output.
  await Promise.all([process.stdout, process.stderr].map((stream) => drained(stream)))
  const failure = spoilt.get(process.stdout)
  if (failure !== undefined) {
    write(process.stderr, `matrix: the output could not be written: ${printable(failure.message)}\n`)
    await drained(process.stderr)
    if (exitCode !== exit.interrupted && exitCode !== exit.internal) exitCode = exit.trouble
  }
  process.exit(exitCode)
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (unread.has(stream)) return Promise.resolve()
  return new Promise((done) => void stream.write('', () => done()))
}

await main()
