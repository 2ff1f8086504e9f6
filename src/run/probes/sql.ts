/** Asks a PostgreSQL server over a dialled stream. */
import type { Duplex } from 'node:stream'
import { Client, DatabaseError, types } from 'pg'
import { abortable } from '../../lib/abort.ts'
import type { Json, SqlProbe } from '../../model/check.ts'
import type { Observation, SqlObservation } from '../../model/observation.ts'
import { type ProbeContext, plain, portOf, silence } from './context.ts'

const maxRows = 1000

const empty: SqlObservation = {
  kind: 'sql',
  noReply: null,
  rows: [],
  rowCount: 0,
  cutRows: 0,
  sqlstate: null,
  message: null,
}

export async function observeSql(probe: SqlProbe, context: ProbeContext): Promise<Observation> {
  let client: Client | undefined
  let stream: Duplex | undefined
  try {
    stream = await context.target.dial(portOf(context.target, probe.port), { signal: context.signal })
    const socket = asSocket(stream)
    client = new Client({
      user: probe.user,
      database: probe.database,
      ...(probe.password === undefined ? {} : { password: plain(probe.password, context.secret) }),
      stream: () => socket as never,
      ssl: false,
    })
    client.on('error', () => {})
    await abortable(client.connect(), context.signal)
    const result = await abortable(client.query(probe.query), context.signal)
    // Several statements give several results; the last is the answer.
    const last = Array.isArray(result) ? (result as (typeof result)[]).at(-1) : result
    const all = last?.rows ?? []
    const rows = all.slice(0, maxRows).map(asJson)
    return { ...empty, rows, rowCount: last?.rowCount ?? all.length, cutRows: all.length - rows.length }
  } catch (error) {
    if (error instanceof DatabaseError) {
      return { ...empty, sqlstate: error.code ?? 'XX000', message: error.message }
    }
    const result = silence(stream?.errored ?? error, context.signal)
    if ('unobserved' in result) return result.unobserved
    return { ...empty, noReply: result.noReply }
  } finally {
    void client?.end().catch(() => {})
  }
}

/** A bigint is a number where a number can hold it, as a person writes it in an expectation. */
types.setTypeParser(20, (text) => {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
})

function asJson(row: unknown): Json {
  return JSON.parse(JSON.stringify(row)) as Json
}

/** The client asks its stream to connect; ours is connected already. */
function asSocket(stream: Duplex): Duplex {
  const methods = {
    connect: () => {
      queueMicrotask(() => stream.emit('connect'))
      return stream
    },
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    ref: () => stream,
    unref: () => stream,
  }
  return Object.assign(stream, methods)
}
