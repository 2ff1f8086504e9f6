/** Why a container is not running any more. */
import { abortable } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { Copy } from '../model/plan.ts'
import { redact } from './evidence.ts'
import type { EngineSession } from './session.ts'

/** 128 and the number of SIGKILL. */
const killed = 137

/** Asks the engine about a container that has ended, in a reason and words. */
export async function describeEnd(
  copy: Pick<Copy, 'alias' | 'config'>,
  options: {
    readonly session: Pick<EngineSession, 'engine' | 'deaths'>
    readonly containerId: string
    readonly signal: AbortSignal
    readonly redact: readonly string[]
  },
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
  const why = state.error === '' ? await lastWords(options) : oneLine(redact(state.error, options.redact))
  return { reason: 'exited', message: `${copy.alias} ended with exit code ${code}${why === '' ? '' : `: ${why}`}` }
}

/** The last line that it wrote as an error; most programs say there why they end. */
async function lastWords(options: {
  readonly session: Pick<EngineSession, 'engine'>
  readonly containerId: string
  readonly signal: AbortSignal
  readonly redact: readonly string[]
}): Promise<string> {
  const { session, containerId, signal } = options
  const log = await session.engine.containers
    .logs(containerId, { signal, tail: 20, maxBytes: 64 * 1024 })
    .catch(() => ({ lines: [] }))
  const line = log.lines.findLast(({ stream, text }) => stream === 'stderr' && text.trim() !== '')
  return oneLine(redact(line?.text.trim() ?? '', options.redact))
}
