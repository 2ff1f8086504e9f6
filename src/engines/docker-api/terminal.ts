/** A command in a container with a terminal of its own. */
import type Dockerode from 'dockerode'
import type { CallOptions, Terminal, TerminalSpec } from '../engine.ts'
import { call } from './errors.ts'
import { exitCodeOf } from './exec-end.ts'

export function openTerminal(
  docker: Dockerode,
  id: string,
  { command, columns, rows, type }: TerminalSpec,
  { signal }: CallOptions,
): Promise<Terminal> {
  return call(signal, async () => {
    const exec = await docker.getContainer(id).exec({
      Cmd: [...command],
      Env: [`TERM=${type}`],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      abortSignal: signal,
    })
    // With a terminal the engine sends what is shown as it is, without frames.
    const stream = await exec.start({ hijack: true, stdin: true, Tty: true })
    const resize = (size: Pick<TerminalSpec, 'columns' | 'rows'>) =>
      call(signal, async () => void (await exec.resize({ w: size.columns, h: size.rows })))
    // A command that has ended already has no size.
    await resize({ columns, rows }).catch(() => {})
    return { stream, resize, exitCode: () => call(signal, () => exitCodeOf(exec, signal)) }
  })
}
