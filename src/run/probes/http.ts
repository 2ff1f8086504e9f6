/** Carries out an HTTP request over a dialled stream. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { abortable } from '../../lib/abort.ts'
import { BoundedText } from '../../lib/bounded-text.ts'
import type { HttpProbe } from '../../model/check.ts'
import type { HttpObservation, Observation } from '../../model/observation.ts'
import { type ProbeContext, plain, portOf, silence } from './context.ts'

const maxBodyBytes = 1024 * 1024

interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export async function observeHttp(probe: HttpProbe, context: ProbeContext): Promise<Observation> {
  const startedAt = context.clock.now()
  try {
    let exchange = firstExchange(probe, context)
    for (let redirects = 0; ; redirects++) {
      const seen = await perform(probe, { context, exchange })
      const location = seen.headers['location']
      if (redirects >= probe.redirects || location === undefined || seen.status < 300 || seen.status > 399) {
        return { ...seen, durationMs: Math.round(context.clock.now() - startedAt) }
      }
      const { pathname, search } = new URL(location, `http://${context.target.alias}${exchange.path}`)
      const keepsMethod = seen.status === 307 || seen.status === 308
      exchange = keepsMethod
        ? { ...exchange, path: pathname + search }
        : { ...exchange, path: pathname + search, method: exchange.method === 'HEAD' ? 'HEAD' : 'GET', body: undefined }
    }
  } catch (error) {
    const result = silence(error, context.signal)
    if ('unobserved' in result) return result.unobserved
    const durationMs = Math.round(context.clock.now() - startedAt)
    return {
      kind: 'http',
      noReply: result.noReply,
      status: 0,
      headers: {},
      cookies: {},
      body: '',
      bodyBytes: 0,
      cutBytes: 0,
      durationMs,
    }
  }
}

function firstExchange(probe: HttpProbe, context: ProbeContext): Exchange {
  const fields = (entries: HttpProbe['headers']) =>
    Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, plain(value, context.secret)]))
  const [type, body] =
    probe.json !== undefined
      ? ['application/json', JSON.stringify(probe.json)]
      : probe.form !== undefined
        ? ['application/x-www-form-urlencoded', new URLSearchParams(fields(probe.form)).toString()]
        : [undefined, probe.body]
  const headers = fields(probe.headers)
  const named = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  if (!named.has('host')) headers['host'] = `${context.target.alias}:${portOf(context.target, probe.port)}`
  if (type !== undefined && !named.has('content-type')) headers['content-type'] = type
  if (!named.has('user-agent')) headers['user-agent'] = 'matrix'
  return { method: probe.method, path: probe.path, headers, body }
}

async function perform(
  probe: HttpProbe,
  input: { readonly context: ProbeContext; readonly exchange: Exchange },
): Promise<HttpObservation> {
  const { context, exchange } = input
  const { signal, cookies } = context
  const stream = await context.target.dial(portOf(context.target, probe.port), { signal })
  let socket: Duplex = stream
  try {
    if (probe.tls !== undefined) socket = await handshake(stream, { tls: probe.tls, context })
    const jar =
      probe.cookies && cookies.size > 0
        ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
        : {}
    const response = await send(socket, { exchange: { ...exchange, headers: { ...exchange.headers, ...jar } }, signal })
    const body = await readBody(response, signal)
    const set = cookiesOf(response)
    if (probe.cookies) for (const [name, value] of Object.entries(set)) cookies.set(name, value)
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    )
    return {
      kind: 'http',
      noReply: null,
      status: response.statusCode ?? 0,
      headers,
      cookies: set,
      ...body,
      durationMs: 0,
    }
  } finally {
    socket.destroy()
    stream.destroy()
  }
}

async function handshake(
  stream: Duplex,
  options: { readonly tls: NonNullable<HttpProbe['tls']>; readonly context: ProbeContext },
): Promise<Duplex> {
  const { tls, context } = options
  const secure = connectTls({
    socket: stream,
    servername: tls.server_name ?? context.target.alias,
    rejectUnauthorized: tls.verify,
    minVersion: tls.min ?? 'TLSv1',
    ...(tls.max === undefined ? {} : { maxVersion: tls.max }),
  })
  await abortable(
    new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve)
      secure.once('error', (error) => reject(new Error(`the TLS handshake failed: ${error.message}`)))
      secure.once('close', () => reject(new Error('the TLS handshake failed: the connection was closed')))
    }),
    context.signal,
  )
  return secure
}

async function send(
  socket: Duplex,
  options: { readonly exchange: Exchange; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const { exchange, signal } = options
  return abortable(
    new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = httpRequest({
        method: exchange.method,
        path: exchange.path,
        headers: {
          ...exchange.headers,
          connection: 'close',
          ...(exchange.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(exchange.body)) }),
        },
        createConnection: () => socket,
      })
      outgoing.once('response', resolve)
      outgoing.once('error', reject)
      outgoing.end(exchange.body)
    }),
    signal,
  )
}

async function readBody(
  response: IncomingMessage,
  signal: AbortSignal,
): Promise<Pick<HttpObservation, 'body' | 'bodyBytes' | 'cutBytes'>> {
  const text = new BoundedText(maxBodyBytes)
  let bodyBytes = 0
  const reading = (async () => {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text.push(chunk)
      bodyBytes += chunk.length
    }
  })()
  await abortable(reading, signal)
  return { body: text.text, bodyBytes, cutBytes: text.cutBytes }
}

/** Names and values; a check follows one host, so the attributes do not matter, but for an expired cookie. */
function cookiesOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    (response.headers['set-cookie'] ?? []).flatMap((line) => {
      const [, name, value] = /^([^=;\s]+)=([^;]*)/.exec(line) ?? []
      return name === undefined || value === undefined
        ? []
        : [[name, /;\s*max-age=0(;|$)/i.test(line) ? '' : value] as const]
    }),
  )
}
