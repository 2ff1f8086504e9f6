/** How a command in a container ended. */
import type { Duplex } from 'node:stream'
import type Dockerode from 'dockerode'
import { systemClock } from '../../lib/clock.ts'
import { EngineError } from '../engine.ts'

/** The streams of a command may end a moment before the engine has heard of its end. */
export async function exitCodeOf(exec: Dockerode.Exec, signal: AbortSignal): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { ExitCode, Running } = await exec.inspect({ abortSignal: signal })
    if (typeof ExitCode === 'number' && Running !== true) return ExitCode
    await systemClock.sleep(50, signal)
  }
  throw new EngineError('failed', 'the engine does not say how the command ended')
}

const looksEveryMs = 2_000

/**
 * Ends the stream of a command that is over. Podman leaves it open for ever where something was written to the command
 * just as it ended, so its end is looked for apart from it while the stream lasts.
 */
export function endWithCommand(stream: Duplex, exec: Dockerode.Exec): void {
  const closed = new AbortController()
  stream.once('close', () => closed.abort())
  const { signal } = closed
  const over = async () => {
    do await systemClock.sleep(looksEveryMs, signal)
    while ((await exec.inspect({ abortSignal: signal })).Running === true)
    // What it said last may still be under way.
    await systemClock.sleep(looksEveryMs, signal)
    stream.push(null)
  }
  // Without an answer to that there is still the stream, which then says itself what is wrong.
  over().catch(() => {})
}
