/** How a command in a container ended. */
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
