/** Translates what dockerode and the socket say into the port's errors. */
import { EngineError, type EngineErrorCode } from '../engine.ts'

interface HttpError {
  readonly statusCode?: number
  readonly json?: unknown
  readonly code?: string
  readonly message?: string
}

/** Runs a call; rejects with the signal's reason when it aborted, else with an `EngineError`. */
export async function call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw engineError(error)
  }
}

/** As `call`, but null where the object does not exist. */
export async function callOrNull<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
  try {
    return await call(signal, work)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'not-found') return null
    throw error
  }
}

export function engineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error
  const { statusCode, json, code, message } = error as HttpError
  if (statusCode === undefined) {
    const text = `the engine does not answer: ${message ?? String(error)}${code === undefined ? '' : ` (${code})`}`
    return new EngineError('unreachable', text, { cause: error })
  }
  const said = (json as { message?: unknown } | null | undefined)?.message
  const text = explained(typeof said === 'string' ? said : withoutStatus(message ?? '') || `HTTP ${statusCode}`)
  return new EngineError(codeOf(statusCode, text), text, { cause: error })
}

/** Seen with Podman 4.3 on a machine whose root lacks CAP_SYS_RESOURCE; 5.4 raises nothing. */
const raisedLimit = /setrlimit `RLIMIT_(NPROC|NOFILE)`: Operation not permitted/

function explained(text: string): string {
  if (!raisedLimit.test(text)) return text
  return `${text}. Podman 4 raises nofile and nproc where a ulimit is given and they are not, which this machine does not let it: give both in ulimits`
}

/** What the engine said, without what its client puts before it. */
export const withoutStatus = (message: string): string => message.replace(/^\(HTTP code \d+\) [\w ]*- ?/, '').trim()

/** Podman answers 500 to what Docker calls a conflict. */
const podmanConflict = /name ".*" is already in use|container state improper|can only create exec sessions on running/

function codeOf(status: number, text: string): EngineErrorCode {
  if (status === 404) return 'not-found'
  if (status === 409 || podmanConflict.test(text)) return 'conflict'
  return status < 500 ? 'rejected' : 'failed'
}
