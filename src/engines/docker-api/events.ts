/** The engine's event stream, as events of containers. */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import { type ContainerEvent, EngineError, type Labels } from '../engine.ts'
import { call } from './errors.ts'

interface RawEvent {
  readonly Action?: string
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> }
}

/** Subscribed once the promise resolves. */
export function watchEvents(
  docker: Dockerode,
  labels: Labels,
  signal: AbortSignal,
): Promise<AsyncIterable<ContainerEvent>> {
  return call(signal, async () => {
    const filters = {
      type: ['container'],
      label: Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`)),
    }
    const stream = (await docker.getEvents({ filters, abortSignal: signal } as never)) as unknown as Readable
    return eventsOf(stream, labels, signal)
  })
}

async function* eventsOf(stream: Readable, labels: Labels, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
  const onAbort = () => stream.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      const event = line.trim() === '' ? null : eventOf(JSON.parse(line) as RawEvent)
      if (event && carries(event.labels, labels)) yield event
    }
    if (!signal.aborted) throw new EngineError('unreachable', 'the event stream of the engine ended')
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof EngineError
      ? error
      : new EngineError('unreachable', `the event stream broke: ${String(error)}`, { cause: error })
  } finally {
    signal.removeEventListener('abort', onAbort)
    stream.destroy()
  }
}

/** Podman gives events that carry any of the labels that were asked for, Docker those that carry all. */
function carries(own: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => (value === '' ? key in own : own[key] === value))
}

/** Null: an action that nobody here waits for. */
export function eventOf(raw: RawEvent): ContainerEvent | null {
  const attributes = raw.Actor?.Attributes ?? {}
  const [action, detail] = (raw.Action ?? '').split(': ')
  const code = Number(attributes['exitCode'])
  const event = {
    container: raw.Actor?.ID ?? '',
    labels: attributes,
    exitCode: attributes['exitCode'] === undefined || Number.isNaN(code) ? null : code,
    health: detail === 'healthy' || detail === 'unhealthy' ? detail : null,
  } as const
  switch (action) {
    case 'start':
    case 'die':
    case 'oom':
    case 'restart':
    case 'destroy':
      return { ...event, action }
    case 'health_status':
      return { ...event, action: 'health' }
    default:
      return null
  }
}
