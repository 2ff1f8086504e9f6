/** Reads BuildKit's progress messages, which the engine passes on as base64 protobuf. */
import { BinaryReader } from '@bufbuild/protobuf/wire'

/** A step of a build. Source: moby/buildkit, api/services/control/control.proto, `Vertex`. */
export interface Vertex {
  readonly digest: string
  readonly name: string
  readonly cached: boolean
  readonly started: boolean
  readonly completed: boolean
  readonly error: string
}
export interface TraceMessage {
  readonly vertexes: readonly Vertex[]
  readonly logs: readonly { readonly vertex: string; readonly text: string }[]
}

/** Decodes one `StatusResponse`; unknown fields are skipped. */
export function decodeTrace(bytes: Uint8Array): TraceMessage {
  const vertexes: Vertex[] = []
  const logs: { vertex: string; text: string }[] = []
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (field === 1) vertexes.push(decodeVertex(reader.bytes()))
    else if (field === 3) logs.push(decodeLog(reader.bytes()))
    else reader.skip(wire)
  }
  return { vertexes, logs }
}

function decodeVertex(bytes: Uint8Array): Vertex {
  const vertex = { digest: '', name: '', cached: false, started: false, completed: false, error: '' }
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (field === 1) vertex.digest = reader.string()
    else if (field === 3) vertex.name = reader.string()
    else if (field === 4) vertex.cached = reader.bool()
    else if (field === 5 || field === 6) {
      reader.skip(wire)
      vertex[field === 5 ? 'started' : 'completed'] = true
    } else if (field === 7) vertex.error = reader.string()
    else reader.skip(wire)
  }
  return vertex
}

function decodeLog(bytes: Uint8Array): { vertex: string; text: string } {
  const log = { vertex: '', text: '' }
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (field === 1) log.vertex = reader.string()
    else if (field === 4) log.text = new TextDecoder().decode(reader.bytes())
    else reader.skip(wire)
  }
  return log
}

/** Follows the steps of one build as its messages come. */
export class BuildTrace {
  readonly #vertexes = new Map<string, Vertex>()
  readonly #onProgress: (text: string) => void
  #log = ''
  #told = ''

  constructor(onProgress: (text: string) => void) {
    this.#onProgress = onProgress
  }

  add(message: TraceMessage): void {
    for (const vertex of message.vertexes) {
      const before = this.#vertexes.get(vertex.digest)
      const now = {
        ...vertex,
        cached: vertex.cached || before?.cached === true,
        started: vertex.started || before?.started === true,
        completed: vertex.completed || before?.completed === true,
      }
      this.#vertexes.set(vertex.digest, now)
      // All steps are announced at once, long before most of them begin.
      if (now.started && before?.started !== true) this.#write(`${vertex.name}\n`)
    }
    for (const log of message.logs) this.#write(log.text)
    this.#tell()
  }

  /** The last of the steps that run. */
  #tell(): void {
    const running = [...this.#vertexes.values()].filter(({ started, completed }) => started && !completed)
    const name = running.at(-1)?.name ?? this.#told
    if (name !== this.#told) this.#onProgress(name)
    this.#told = name
  }

  /** The last 64 KiB of what the steps printed. */
  get log(): string {
    return this.#log
  }

  get failed(): Vertex | undefined {
    return [...this.#vertexes.values()].find((vertex) => vertex.error !== '' && !/context canceled/.test(vertex.error))
  }

  /** Whether every step that makes a layer came from the cache. */
  get cached(): boolean {
    const steps = [...this.#vertexes.values()].filter((vertex) =>
      /^\[.*\d+\/\d+\] (RUN|COPY|ADD|WORKDIR)/.test(vertex.name),
    )
    return steps.every((vertex) => vertex.cached)
  }

  #write(text: string): void {
    this.#log = (this.#log + text).slice(-64 * 1024)
  }
}
