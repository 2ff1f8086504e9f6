/** Cancellation and deadlines on top of AbortSignal. */

import { setMaxListeners } from 'node:events'

/** The reason of a signal whose time ran out. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly afterMs: number
  constructor(afterMs: number) {
    super(`no answer within ${afterMs} ms`)
    this.afterMs = afterMs
  }
}

/** The reason of a signal that the user caused, as by Ctrl-C. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'
  constructor(message = 'cancelled') {
    super(message)
  }
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** Says of a signal that any number of calls in flight listen to it: that is no leak. */
export function manyListeners(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal)
  return signal
}

/** A signal that aborts with the first of several. */
export function anyOf(...signals: readonly AbortSignal[]): AbortSignal {
  return manyListeners(AbortSignal.any([...signals]))
}

/** A signal that aborts when its holder goes out of scope, so that what was started for it ends. */
export function ending(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  return { signal: manyListeners(controller.signal), [Symbol.dispose]: () => controller.abort() }
}

/** A signal that aborts with a `DeadlineError` after `ms`, or with `parent`'s reason before that. Dispose it to free its timer. */
export function deadline(ms: number, parent?: AbortSignal): Deadline {
  const own = new AbortController()
  manyListeners(own.signal)
  const timer = setTimeout(() => own.abort(new DeadlineError(ms)), Math.min(ms, 2 ** 31 - 1))
  const onParent = () => own.abort(parent?.reason)
  if (parent?.aborted) onParent()
  else parent?.addEventListener('abort', onParent, { once: true })
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      parent?.removeEventListener('abort', onParent)
    },
  }
}

/** A signal that aborts with a `DeadlineError` once it was not renewed for `ms`, or with `parent`'s reason before that. */
export function patience(ms: number, parent: AbortSignal): Deadline & { readonly renew: () => void } {
  const own = new AbortController()
  const startTimer = () => setTimeout(() => own.abort(new DeadlineError(ms)), ms)
  let timer = startTimer()
  return {
    signal: anyOf(own.signal, parent),
    renew() {
      clearTimeout(timer)
      timer = startTimer()
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

/** `promise`, unless `signal` aborts first; then rejects with the signal's reason and lets `promise` settle unheard. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {})
  signal.throwIfAborted()
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}
