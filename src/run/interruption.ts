/** In what words something is told that did not end because the run did. */
import { CancelledError } from '../lib/abort.ts'

/** @param signal of the run, that has aborted */
export const isByUser = (signal: AbortSignal): boolean => signal.reason instanceof CancelledError

export const interruptionOf = (signal: AbortSignal): string =>
  isByUser(signal) ? 'cancelled while it ran' : 'the time of the run was over before it ended'
