/** Why a container is not running any more. */
import { abortable } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { Copy } from '../model/plan.ts'
import type { EngineSession } from './session.ts'

/** 128 and the number of SIGKILL. */
const killed = 137

/** Asks the engine about a container that has ended, in a reason and words. */
export async function describeEnd(
  copy: Copy,
  options: { readonly session: EngineSession; readonly containerId: string; readonly signal: AbortSignal },
): Promise<{ readonly reason: 'oom-killed' | 'exited'; readonly message: string }> {
  const { session, containerId, signal } = options
  const state = await abortable(session.engine.containers.inspect(containerId, { signal }), signal)
  const code = state.exitCode ?? 'unknown'
  // An engine may lose the kernel's notice where the container is gone before it is read; under a memory limit nothing
  // else kills a container that was not told to end.
  const limited = copy.config.constraints.mem_limit !== undefined
  if (state.oomKilled || session.deaths.sawOom(containerId) || (limited && state.exitCode === killed)) {
    return { reason: 'oom-killed', message: `${copy.alias} was killed for want of memory (exit code ${code})` }
  }
  const error = state.error === '' ? '' : `: ${oneLine(state.error)}`
  return { reason: 'exited', message: `${copy.alias} ended with exit code ${code}${error}` }
}
