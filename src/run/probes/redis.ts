/** Sends commands to a Redis server over a dialled stream. */
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { Redis } from 'ioredis'
import { abortable } from '../../lib/abort.ts'
import type { Json, RedisProbe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import { type ProbeContext, portOf, silence } from './context.ts'
import { DialError } from './target.ts'

/** One reply a command, in order; an error reply is its text, `(error) ` before it. */
export async function observeRedis(probe: RedisProbe, context: ProbeContext): Promise<Observation> {
  const { target, signal } = context
  const port = portOf(target, probe.port)
  const streams: Duplex[] = []
  const dial = async (address: { readonly port: number; readonly host?: string }) => {
    const stream = await target.dial(address.port, { ...address, signal })
    streams.push(stream)
    return stream
  }
  try {
    const master = probe.master === undefined ? { port } : await masterOf(probe.master, await dial({ port }), signal)
    const replies = await converse(await dial(master), probe.commands, signal)
    return { kind: 'redis', noReply: null, replies }
  } catch (error) {
    const result = silence(streams.at(-1)?.errored ?? error, signal)
    return 'unobserved' in result ? result.unobserved : { kind: 'redis', noReply: result.noReply, replies: [] }
  } finally {
    for (const stream of streams) stream.destroy()
  }
}

/** Where a Sentinel says that a master is. What it says is hostile input, and of no use to clients where it is loopback. */
async function masterOf(
  name: string,
  sentinel: Duplex,
  signal: AbortSignal,
): Promise<{ readonly port: number; readonly host: string }> {
  const [answer] = await converse(sentinel, [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]], signal)
  const [host, port] = Array.isArray(answer) ? answer.map(String) : []
  const problem =
    host === undefined
      ? `the Sentinel names no master "${name}": ${JSON.stringify(answer)}`
      : isIP(host) === 0 || !/^\d{1,5}$/.test(port ?? '')
        ? `the Sentinel names ${JSON.stringify(answer)} as the master "${name}", which is no IP address and port`
        : /^127\.|^::1$/.test(host)
          ? `the Sentinel names ${host}:${port} as the master "${name}", which clients elsewhere cannot reach`
          : null
  if (problem !== null || host === undefined) {
    throw new DialError(String(problem), { reason: 'unreachable', relayFault: false })
  }
  return { host, port: Number(port) }
}

async function converse(
  stream: Duplex,
  commands: readonly (readonly string[])[],
  signal: AbortSignal,
): Promise<readonly Json[]> {
  const client = new Redis({
    Connector: connectorOf(stream) as never,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
  })
  client.on('error', () => {})
  try {
    await abortable(client.connect(), signal)
    const replies: Json[] = []
    for (const [name, ...args] of commands) {
      if (name === undefined) continue
      replies.push(await abortable(reply(client, { name, args }), signal))
    }
    return replies
  } finally {
    client.disconnect()
  }
}

async function reply(
  client: Redis,
  command: { readonly name: string; readonly args: readonly string[] },
): Promise<Json> {
  try {
    return asJson(await client.call(command.name, ...command.args))
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return `(error) ${error.message}`
    throw error
  }
}

function asJson(value: unknown): Json {
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  if (Array.isArray(value)) return value.map(asJson)
  return value === null || typeof value === 'number' || typeof value === 'string' ? value : String(value)
}

/** ioredis asks a connector for a stream; ours is connected already. */
function connectorOf(stream: Duplex) {
  return class {
    readonly connecting = false
    firstError: Error | undefined
    check(): boolean {
      return true
    }
    disconnect(): void {
      stream.destroy()
    }
    async connect(): Promise<Duplex> {
      return Object.assign(stream, {
        setNoDelay: () => stream,
        setKeepAlive: () => stream,
        setTimeout: () => stream,
        ref: () => stream,
        unref: () => stream,
      })
    }
  }
}
