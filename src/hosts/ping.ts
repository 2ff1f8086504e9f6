/** Whether an engine answers at a unix socket, asked without a driver. */
import { request } from 'node:http'
import { deadline } from '../lib/abort.ts'

export type PingResult =
  | { readonly answers: true; readonly apiVersion: string | null }
  /** `denied`: a socket is there, and this user may not use it. */
  | { readonly answers: false; readonly why: 'absent' | 'denied' | 'silent'; readonly message: string }

/** How one that gives no answer is told. */
export const silenceAsWords = ({ why }: Extract<PingResult, { answers: false }>): string =>
  why === 'denied' ? 'is not open to this user' : 'does not answer'

const answerWithinMs = 3_000

/** @param endpoint `unix:///path`; anything else is reported as absent. Rejects only with the signal's reason. */
export async function ping(endpoint: string, options: { readonly signal: AbortSignal }): Promise<PingResult> {
  if (!endpoint.startsWith('unix://')) return { answers: false, why: 'absent', message: 'not a unix socket' }
  const socketPath = endpoint.slice('unix://'.length)
  using limit = deadline(answerWithinMs, options.signal)
  const result = await new Promise<PingResult>((resolve) => {
    const call = request({ socketPath, path: '/_ping', signal: limit.signal, agent: false }, (response) => {
      response.resume()
      const version = response.headers['api-version']
      resolve(
        response.statusCode === 200
          ? { answers: true, apiVersion: typeof version === 'string' ? version : null }
          : { answers: false, why: 'silent', message: `answered with status ${response.statusCode}` },
      )
    })
    call.on('error', (error: NodeJS.ErrnoException) => resolve(silence(error)))
    call.end()
  })
  options.signal.throwIfAborted()
  return result
}

function silence(error: NodeJS.ErrnoException): PingResult {
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { answers: false, why: 'absent', message: 'no such socket' }
    case 'EACCES':
    case 'EPERM':
      return { answers: false, why: 'denied', message: 'permission denied' }
    case 'ECONNREFUSED':
      return { answers: false, why: 'silent', message: 'nothing listens at it' }
    default:
      return { answers: false, why: 'silent', message: `no answer: ${error.message}` }
  }
}
