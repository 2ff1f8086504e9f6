/** The log of a container over the Docker Engine API: what there is of it, and as it comes. */
import type { Readable } from 'node:stream'
import type Dockerode from 'dockerode'
import { anyOf, ending } from '../../lib/abort.ts'
import { systemClock } from '../../lib/clock.ts'
import type { ContainerLogs, EngineError, LogLine } from '../engine.ts'
import { engineError } from './errors.ts'
import { readFrames } from './frames.ts'
import { LineSplitter } from './log-lines.ts'
import { request } from './request.ts'

/** The engine's stream of a log; rejects with dockerode's own errors. */
export async function openLogs(
  docker: Dockerode,
  options: {
    readonly id: string
    readonly follow: boolean
    readonly tail?: number
    readonly sinceMs?: number
    readonly signal: AbortSignal
  },
): Promise<Readable> {
  const query = new URLSearchParams({
    stdout: 'true',
    stderr: 'true',
    timestamps: 'true',
    follow: String(options.follow),
    ...(options.tail === undefined ? {} : { tail: String(options.tail) }),
    ...(options.sinceMs === undefined ? {} : { since: String(options.sinceMs / 1000) }),
  })
  // As a stream, for a gigabyte of log must not end up in one buffer.
  const path = `/containers/${options.id}/logs?${query}`
  return request<Readable>(docker, { method: 'GET', path, signal: options.signal, isStream: true })
}

/** The last `maxBytes` of the log. */
export async function collectLogs(
  stream: Readable,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<ContainerLogs> {
  const lines: LogLine[] = []
  let bytes = 0
  let cutBytes = 0
  const splitter = new LineSplitter((line) => {
    lines.push(line)
    bytes += line.text.length
    while (bytes > options.maxBytes && lines.length > 1) {
      const dropped = lines.shift()?.text.length ?? 0
      bytes -= dropped
      cutBytes += dropped
    }
  })
  await readFrames(stream, (...piece) => splitter.push(...piece), options.signal)
  splitter.end()
  return { lines, cutBytes: cutBytes + splitter.cutBytes }
}

/** How long a stream may be open and silent after the end of its container before it is held to have missed that end. */
const missedAfterMs = 2_000

/**
 * The lines of a container until its end. Podman ends such a stream by an event, which it misses where the container ends while
 * the stream is opened: then it stays open for ever. So the end is waited for apart from it, and the rest of the log read again.
 * Source: libpod's `readFromLogFile`, which asks for the state first and listens for the event after that.
 */
export async function followLogs(
  docker: Dockerode,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): Promise<AsyncIterable<LogLine>> {
  return linesToEnd(docker, { id, signal, following: await openLogs(docker, { id, follow: true, signal }) })
}

async function* linesToEnd(
  docker: Dockerode,
  options: { readonly id: string; readonly signal: AbortSignal; readonly following: Readable },
): AsyncGenerator<LogLine> {
  const { id, signal } = options
  using done = ending()
  const missed = new AbortController()
  const underWay = anyOf(signal, done.signal)
  let told = 0
  const silentAfterEnd = async () => {
    await docker.getContainer(id).wait({ condition: 'not-running', abortSignal: underWay })
    for (let before = -1; before !== told; ) {
      before = told
      await systemClock.sleep(missedAfterMs, underWay)
    }
    missed.abort()
  }
  // Without an answer to that there is still the stream, which then says itself what is wrong.
  silentAfterEnd().catch(() => {})
  for await (const line of linesOf(options.following, anyOf(signal, missed.signal))) {
    told += 1
    yield line
  }
  if (!missed.signal.aborted) return
  for await (const line of linesOf(await openLogs(docker, { id, follow: false, signal }), signal)) {
    if (told > 0) told -= 1
    else yield line
  }
}

async function* linesOf(stream: Readable, signal: AbortSignal): AsyncGenerator<LogLine> {
  const queue: LogLine[] = []
  let wake = () => {}
  let ended = false
  let failure: EngineError | undefined
  const splitter = new LineSplitter((line) => {
    queue.push(line)
    if (queue.length > 1000) stream.pause()
  })
  const reading = readFrames(
    stream,
    (...piece) => {
      splitter.push(...piece)
      wake()
    },
    signal,
  )
    .catch((error) => {
      if (!signal.aborted) failure = engineError(error)
    })
    .then(() => {
      // A line that was given up in its middle is none.
      if (!signal.aborted) splitter.end()
      ended = true
      wake()
    })
  try {
    while (true) {
      const line = queue.shift()
      if (line !== undefined) yield line
      else if (failure !== undefined) throw failure
      else if (ended) return
      else {
        stream.resume()
        await new Promise<void>((resolve) => {
          wake = resolve
          if (queue.length > 0 || ended) resolve()
        })
      }
    }
  } finally {
    stream.destroy()
    await reading
  }
}
