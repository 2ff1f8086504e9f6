/** How a command in a container ended. */
import type { Duplex } from 'node:stream'
import type Dockerode from 'dockerode'
import { type Clock, systemClock } from '../../lib/clock.ts'
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
export function endWithCommand(
  stream: Duplex,
  from: {
    readonly exec: Pick<Dockerode.Exec, 'inspect'>
    /** What the stream is read out of. */
    readonly socket: Duplex
    readonly clock?: Clock
  },
): void {
  const { clock = systemClock, exec, socket } = from
  const closed = new AbortController()
  stream.once('close', () => closed.abort())
  const { signal } = closed
  let heard = 0
  socket.on('data', () => {
    heard += 1
  })
  const over = async () => {
    do await clock.sleep(looksEveryMs, signal)
    while ((await exec.inspect({ abortSignal: signal })).Running === true)
    // What it said last may still be under way, from afar or to somebody who reads slowly.
    for (let before = -1; before !== heard || socket.isPaused(); ) {
      before = heard
      await clock.sleep(looksEveryMs, signal)
    }
    stream.push(null)
  }
  // Without an answer to that there is still the stream, which then says itself what is wrong.
  over().catch(() => {})
}
