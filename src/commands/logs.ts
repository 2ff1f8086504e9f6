/** `matrix logs CELL`: what the containers of a kept cell have said, and how they stand. */
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { redact } from '../run/redact.ts'
import type { Io } from './io.ts'
import { type KeptCell, type KeptContainer, type KeptOptions, withKeptCell } from './kept-cell.ts'

export interface LogsOptions extends KeptOptions {
  /** So many of its last lines; all that fits where absent. */
  readonly tail?: number
}

const maxBytes = 16 * 1024 * 1024

export function runLogs(options: LogsOptions, io: Io): Promise<number> {
  return withKeptCell(options, io, async (kept) => {
    for (const container of kept.containers) await show(container, { kept, options, io })
    return exitCodes.green
  })
}

async function show(
  { alias, engine, id }: KeptContainer,
  context: { readonly kept: KeptCell; readonly options: LogsOptions; readonly io: Io },
): Promise<void> {
  const { io, kept, options } = context
  const { status, exitCode, oomKilled } = await engine.containers.inspect(id, io)
  const ended = status === 'exited' ? ` with ${exitCode}${oomKilled ? ', out of memory' : ''}` : ''
  io.stderr(printable(`${alias}: ${status}${ended}\n`))
  const tail = options.tail === undefined ? {} : { tail: options.tail }
  const { lines, cutBytes } = await engine.containers.logs(id, { ...tail, maxBytes, signal: io.signal })
  if (cutBytes > 0) io.stderr(`${alias}: its first ${cutBytes} bytes are cut\n`)
  for (const { at, stream, text } of lines) {
    const from = `${at ?? ''} ${alias} ${stream === 'stderr' ? 'err' : 'out'}`.trimStart()
    io.stdout(printable(`${from} ${redact(text, kept.secrets)}\n`))
  }
}
