/** Whether the engine, or a machine of it, was lost under a cell: that explains whatever else was seen. */
import { EngineError } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import type { Stage } from '../model/outcome.ts'
import { lossOf, type Problem } from './problem.ts'
import type { EngineSession } from './session.ts'

/** How long an engine has for the answer whether a machine of it is still there. */
const answerWithinMs = 20_000

/**
 * @param created alias → container
 * @param doubted something went wrong, so that each container's machine is asked after; else only losses that were
 * heard of count
 */
export async function lossesOf(
  created: ReadonlyMap<string, string>,
  context: { readonly session: EngineSession; readonly stage: Stage; readonly doubted: boolean },
): Promise<readonly Problem[]> {
  const { session, stage, doubted } = context
  using limit = deadline(answerWithinMs)
  const asked = [...created].map(async ([alias, containerId]): Promise<readonly Problem[]> => {
    const heard = session.deaths.lossOf(containerId)
    const loss = (doubted ? await whyGone(session, containerId, limit.signal) : null) ?? heard
    if (loss === null) return []
    const problem = lossOf(loss, stage)
    return [{ ...problem, message: problem.reason === 'node-lost' ? `${alias}: ${problem.message}` : problem.message }]
  })
  return (await Promise.all(asked)).flat()
}

/** Null where its machine is still there, or where that cannot be asked. */
async function whyGone(session: EngineSession, containerId: string, signal: AbortSignal): Promise<EngineError | null> {
  try {
    await session.engine.hostOf(containerId, { signal })
    return null
  } catch (error) {
    return error instanceof EngineError && error.code === 'node-lost' ? error : null
  }
}
