/** A stream that is sent to the engine: the client pipes it and does not hear of it breaking. */
import type { Readable } from 'node:stream'
import { anyOf } from '../../lib/abort.ts'
import { EngineError } from '../engine.ts'

/**
 * Runs what sends `stream` and hears the engine's answer to its end, which may begin before all was sent. Rejects with
 * `rejected` as soon as the stream cannot be read, for the engine would wait for its rest.
 */
export async function sending<T>(
  stream: Readable,
  signal: AbortSignal,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const broken = new AbortController()
  const onError = (error: Error) =>
    broken.abort(
      new EngineError('rejected', `what is sent to the engine cannot be read: ${error.message}`, { cause: error }),
    )
  if (stream.errored) onError(stream.errored)
  // It stays: a file that is being read when the exchange ends may break after that, and nobody else hears of it.
  stream.on('error', onError)
  try {
    broken.signal.throwIfAborted()
    return await exchange(anyOf(signal, broken.signal))
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error
  }
}
