/** Sends commands to a Redis server over a dialled stream. */
import type { Duplex } from 'node:stream'
import { Redis } from 'ioredis'
import { abortable } from '../../lib/abort.ts'
import type { Json, RedisProbe } from '../../model/check.ts'
import type { Observation } from '../../model/observation.ts'
import { type ProbeContext, portOf, silence } from './context.ts'

/** One reply a command, in order; an error reply is its text, `(error) ` before it. */
export async function observeRedis(probe: RedisProbe, context: ProbeContext): Promise<Observation> {
  let client: Redis | undefined
  let stream: Duplex | undefined
  try {
    stream = await context.target.dial(portOf(context.target, probe.port), { signal: context.signal })
    client = new Redis({
      Connector: connectorOf(stream) as never,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
    })
    client.on('error', () => {})
    await abortable(client.connect(), context.signal)
    const replies: Json[] = []
    for (const [name, ...args] of probe.commands) {
      if (name === undefined) continue
      replies.push(await abortable(reply(client, { name, args }), context.signal))
    }
    return { kind: 'redis', noReply: null, replies }
  } catch (error) {
    const result = silence(stream?.errored ?? error, context.signal)
    return 'unobserved' in result ? result.unobserved : { kind: 'redis', noReply: result.noReply, replies: [] }
  } finally {
    client?.disconnect()
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
