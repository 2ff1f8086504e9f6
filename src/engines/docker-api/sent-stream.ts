/** A stream that is sent to the engine: the client pipes it and does not hear of it breaking. */
import type { Readable } from 'node:stream'
import { anyOf } from '../../lib/abort.ts'
import { EngineError } from '../engine.ts'

/** Runs the call that sends `stream`; rejects with `rejected` as soon as that cannot be read, for the engine would wait for its rest. */
export async function sending<T>(
  stream: Readable,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const broken = new AbortController()
  const onError = (error: Error) =>
    broken.abort(
      new EngineError('rejected', `what is sent to the engine cannot be read: ${error.message}`, { cause: error }),
    )
  if (stream.errored) onError(stream.errored)
  stream.on('error', onError)
  try {
    broken.signal.throwIfAborted()
    return await call(anyOf(signal, broken.signal))
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error
  } finally {
    stream.off('error', onError)
  }
}
