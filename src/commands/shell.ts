/** `matrix shell CELL`: a shell, or another command, in a container of a kept cell. */
import { once } from 'node:events'
import { EngineError } from '../engines/engine.ts'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import type { Io } from './io.ts'
import { type KeptCell, type KeptContainer, type KeptOptions, withKeptCell } from './kept-cell.ts'

export interface ShellOptions extends KeptOptions {
  /** Another container than the stack's own, by its name on the cell's network. */
  readonly in?: string
  /** `/bin/sh` where it is empty. */
  readonly command: readonly string[]
}

const maxBytes = 64 * 1024 * 1024
/** As shells say that a program cannot be run, or is not there. */
const notRun = new Set([126, 127])

/** With a terminal on both sides it is interactive; otherwise the command runs to its end. Gives the exit code of the command. */
export function runShell(options: ShellOptions, io: Io): Promise<number> {
  return withKeptCell(options, io, async (kept) => {
    const refuse = (problem: string) => {
      io.stderr(printable(`matrix: ${problem}\n`))
      return exitCodes.usage
    }
    const { id } = kept.cell
    const container = chosen(kept, options.in)
    if (container === undefined) {
      const names = kept.containers.map(({ alias }) => alias).join(', ')
      return refuse(`no container ${options.in ?? 'of the stack itself'} is kept of ${id}; there are: ${names}`)
    }
    const { status, exitCode } = await container.engine.containers.inspect(container.id, io)
    if (status !== 'running') {
      const how = exitCode === null ? `is ${status}` : `has ended with exit code ${exitCode}`
      return refuse(`${container.alias} ${how}, so nothing can be run in it; see matrix logs ${id}`)
    }
    const interactive = io.isTTY.stdin && io.isTTY.stdout
    if (!interactive && options.command.length === 0) {
      return refuse(`without a terminal a command is expected: matrix shell ${id} -- COMMAND`)
    }
    const command = options.command.length === 0 ? ['/bin/sh'] : options.command
    const code = await (interactive ? attend : runToEnd)(container, command, io)
    if (notRun.has(code)) {
      io.stderr(printable(`matrix: ${command[0]} cannot be run there; name another: matrix shell ${id} -- COMMAND\n`))
    }
    return code
  })
}

/** The stack's own; of a scenario, which has none, the last of those that it brings up. */
function chosen({ containers, cell }: KeptCell, name: string | undefined): KeptContainer | undefined {
  if (name !== undefined) return containers.find(({ alias }) => alias === name)
  const own = cell.copies.find(({ role }) => role === 'workload')
  return own === undefined ? containers.at(-1) : containers.find(({ alias }) => alias === own.alias)
}

async function runToEnd({ engine, id }: KeptContainer, command: readonly string[], io: Io): Promise<number> {
  const result = await engine.containers.exec(id, { command, maxBytes }, io)
  io.stdout(result.stdout)
  io.stderr(result.stderr)
  return result.exitCode
}

/** Every key goes to the command, Ctrl-C too, and the size of the terminal with it. */
async function attend({ engine, id }: KeptContainer, command: readonly string[], io: Io): Promise<number> {
  const size = () => ({ columns: io.columns, rows: io.rows })
  const type = io.env['TERM'] || 'xterm'
  const terminal = await engine.containers.terminal(id, { command, ...size(), type }, io)
  const { stream } = terminal
  const resized = () => void terminal.resize(size()).catch(() => {})
  const typed = (keys: Buffer) => void stream.write(keys)
  const { stdinStream, stdoutStream } = io
  stdinStream.setRawMode(true)
  stdinStream.on('data', typed)
  stdoutStream.on('resize', resized)
  stream.on('data', (shown: Buffer) => void stdoutStream.write(shown))
  try {
    await once(stream, 'end', { signal: io.signal })
  } catch (error) {
    io.signal.throwIfAborted()
    throw new EngineError('unreachable', `the connection to the engine broke: ${String(error)}`, { cause: error })
  } finally {
    stdinStream.setRawMode(false)
    stdinStream.off('data', typed)
    stdinStream.pause()
    stdoutStream.off('resize', resized)
    stream.destroy()
  }
  return terminal.exitCode()
}
