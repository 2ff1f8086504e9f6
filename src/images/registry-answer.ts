/** Whether an image registry answers, as this machine sees it. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { deadline } from '../lib/abort.ts'

export type RegistryAnswer =
  /** `asksForLogin`: it does not let everybody in. */
  | { readonly kind: 'answers'; readonly asksForLogin: boolean }
  /** Nobody that is trusted signed its certificate. */
  | { readonly kind: 'untrusted'; readonly why: string }
  | { readonly kind: 'silent'; readonly why: string }

interface Options {
  /** Certificates (PEM) of whoever is trusted beside those that Node knows. */
  readonly authorities: readonly string[]
  readonly signal: AbortSignal
  readonly withinMs: number
}

/**
 * Asks for the version of its API, without a login. One on this machine may speak without TLS, as engines take it too.
 * Rejects only with the signal's reason. Source: OCI distribution specification, end-1.
 *
 * @param server `host[:port]`
 */
export async function registryAnswer(server: string, options: Options): Promise<RegistryAnswer> {
  using limit = deadline(options.withinMs, options.signal)
  const within = { ...options, signal: limit.signal }
  try {
    return answerOf(await statusOf(`https://${server}/v2/`, within))
  } catch (error) {
    options.signal.throwIfAborted()
    if (limit.signal.aborted) return { kind: 'silent', why: wordsOf(limit.signal.reason) }
    const plain = isHere(server) ? await statusOf(`http://${server}/v2/`, within).catch(() => null) : null
    options.signal.throwIfAborted()
    if (plain !== null) return answerOf(plain)
    return { kind: isOfTrust(error) ? 'untrusted' : 'silent', why: wordsOf(error) }
  }
}

function answerOf(status: number): RegistryAnswer {
  if (status === 200 || status === 401) return { kind: 'answers', asksForLogin: status === 401 }
  return { kind: 'silent', why: `it answers with status ${status}, as no registry does` }
}

const isHere = (server: string) => /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(server)

/** Source: Node.js, tls, X509 certificate error codes. */
const isOfTrust = (error: unknown): boolean =>
  /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED/.test(String((error as NodeJS.ErrnoException | undefined)?.code))

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function statusOf(url: string, { authorities, signal }: Pick<Options, 'authorities' | 'signal'>): Promise<number> {
  const ca = [...rootCertificates, ...authorities]
  const ask = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const call = ask(url, { ca, signal, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    call.on('error', reject)
    call.end()
  })
}
