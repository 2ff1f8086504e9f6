/** Whether a full disk explains what went wrong in a cell: what could not be written says nothing of the product. */
import { deadline } from '../lib/abort.ts'
import { freeSpaceCommand, freeSpaceIn } from '../lib/free-space.ts'
import { decisive, type Problem } from './problem.ts'
import type { EngineSession } from './session.ts'

const answerWithinMs = 10_000
/** What a program leaves that writes until it cannot. */
const leastFreeBytes = 1024 ** 2

/** @param created alias → container; those that wrote are still there, so that what they wrote is too */
export async function fullDiskUnder(
  created: ReadonlyMap<string, string>,
  context: { readonly session: EngineSession; readonly problems: readonly Problem[] },
): Promise<readonly Problem[]> {
  const { session, problems } = context
  const first = decisive(problems)
  if (first === undefined) return []
  using limit = deadline(answerWithinMs)
  const free = await Promise.all(
    [...created.values()].map((containerId) => freeBytes(session, { containerId, signal: limit.signal })),
  )
  if (!free.some((bytes) => bytes !== null && bytes < leastFreeBytes)) return []
  const message = `the disk of its engine is full: ${first.message}`
  return [{ ...first, kind: 'error', reason: 'disk-full', message }]
}

/** On the disk where the container's machine keeps what containers write; null where that cannot be told. */
async function freeBytes(
  session: EngineSession,
  options: { readonly containerId: string; readonly signal: AbortSignal },
): Promise<number | null> {
  const { containerId, signal } = options
  try {
    const { helper } = await session.hostOf(containerId, signal)
    // The helper's own root is on that disk.
    const { exitCode, stdout } = await helper.script(freeSpaceCommand('/').join(' '), { args: [], signal })
    return exitCode === 0 ? freeSpaceIn(stdout) : null
  } catch {
    return null // gathering what explains never changes an outcome
  }
}
