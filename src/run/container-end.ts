/** Why a container is not running any more. */
import { EngineError } from '../engines/engine.ts'
import { abortable } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { Copy } from '../model/plan.ts'
import { redact } from './redact.ts'
import type { EngineSession } from './session.ts'

/** 128 and the number of SIGKILL. */
const killed = 137

/** In a reason and words. `certain`: the kernel told it, so that no trouble of the engine explains it. */
export interface End {
  readonly reason: 'oom-killed' | 'exited'
  readonly message: string
  readonly certain?: true
}

/** Asks the engine about a container that has ended; where it does not answer any more, what was heard of the end is all. */
export async function describeEnd(
  copy: Pick<Copy, 'alias' | 'config'>,
  options: {
    readonly session: Pick<EngineSession, 'engine' | 'deaths'>
    readonly containerId: string
    readonly signal: AbortSignal
    readonly redact: readonly string[]
  },
): Promise<End> {
  const { session, containerId } = options
  const state = await stateOf(options)
  const code = state.exitCode ?? 'unknown'
  if (state.oomKilled || session.deaths.sawOom(containerId)) {
    return { ...outOfMemory(copy, code), certain: true }
  }
  // An engine may lose the kernel's notice where the container is gone before it is read; under a memory limit nothing
  // else kills a container that was not told to end.
  const limited = copy.config.constraints.mem_limit !== undefined
  if (limited && state.exitCode === killed && !state.isHearsay) return outOfMemory(copy, code)
  const why = state.error === '' ? await lastWords(options) : oneLine(redact(state.error, options.redact))
  return { reason: 'exited', message: `${copy.alias} ended with exit code ${code}${why === '' ? '' : `: ${why}`}` }
}

const outOfMemory = ({ alias }: Pick<Copy, 'alias'>, code: number | string) =>
  ({ reason: 'oom-killed', message: `${alias} was killed for want of memory (exit code ${code})` }) as const

/** `isHearsay`: nobody can be asked. An engine that ends may kill its containers first. */
async function stateOf({
  session,
  containerId,
  signal,
}: Pick<Parameters<typeof describeEnd>[1], 'session' | 'containerId' | 'signal'>): Promise<{
  readonly exitCode: number | null
  readonly oomKilled: boolean
  readonly error: string
  readonly isHearsay: boolean
}> {
  try {
    const state = await abortable(session.engine.containers.inspect(containerId, { signal }), signal)
    return { ...state, isHearsay: false }
  } catch (error) {
    const death = session.deaths.known(containerId)
    const isSilent = error instanceof EngineError && error.code === 'unreachable'
    if (!isSilent || death?.kind !== 'died') throw error
    return { ...death, error: '', isHearsay: true }
  }
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
