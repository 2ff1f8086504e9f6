/** Runs a regular expression over hostile text where it cannot hang anybody: in a worker, with a limit on size and time. */
import { Worker } from 'node:worker_threads'

export type RegexResult =
  | { readonly ok: true; readonly match: readonly (string | null)[] | null }
  | { readonly ok: false; readonly message: string }

const maxChars = 1024 * 1024
const limitMs = 1000

const program = `const { parentPort } = require('node:worker_threads')
parentPort.on('message', ({ pattern, text }) => {
  parentPort.postMessage('begun')
  try {
    const match = new RegExp(pattern, 'mu').exec(text)
    parentPort.postMessage({ ok: true, match: match && [...match].map((group) => group ?? null) })
  } catch (error) {
    parentPort.postMessage({ ok: false, message: String(error) })
  }
})`

let idle: Worker | undefined

/** The first match of `pattern` with the flags `mu` and its groups; never rejects. */
export function matchSafely(pattern: string, text: string): Promise<RegexResult> {
  if (text.length > maxChars) {
    return Promise.resolve({ ok: false, message: `the text is longer than ${maxChars} characters` })
  }
  const worker = idle ?? new Worker(program, { eval: true })
  idle = undefined
  worker.unref()
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    let settled = false
    const settle = (result: RegexResult, reusable: boolean) => {
      settled = true
      clearTimeout(timer)
      // One by one: the worker keeps listeners of its own, without which it falls silent.
      worker.removeAllListeners('message')
      worker.removeAllListeners('error')
      if (reusable && idle === undefined) idle = worker
      else void worker.terminate()
      resolve(result)
    }
    const tooLong = () => settle({ ok: false, message: `the expression took longer than ${limitMs} ms` }, false)
    worker.on('message', (said: RegexResult | 'begun') => {
      if (said !== 'begun') settle(said, true)
      // Only now, so that a worker that is slow to start does not count; and where this thread was busy for longer than
      // that, an answer that has come meanwhile is heard before the time is called.
      else timer = setTimeout(() => setImmediate(() => settled || tooLong()), limitMs)
    })
    worker.once('error', (error) => settle({ ok: false, message: String(error) }, false))
    worker.postMessage({ pattern, text })
  })
}
