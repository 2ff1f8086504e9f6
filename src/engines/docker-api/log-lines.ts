/** Cuts the engine's log stream into lines with their times. */
import { StringDecoder } from 'node:string_decoder'
import type { LogLine } from '../engine.ts'
import type { FrameStream } from './frames.ts'

const maxLineChars = 16 * 1024

/** A line longer than 16 KiB is cut, and the rest of it counted. */
export class LineSplitter {
  readonly #onLine: (line: LogLine) => void
  readonly #pending: Record<FrameStream, string> = { stdout: '', stderr: '' }
  readonly #decoders: Record<FrameStream, StringDecoder> = {
    stdout: new StringDecoder('utf8'),
    stderr: new StringDecoder('utf8'),
  }
  #cut = 0

  constructor(onLine: (line: LogLine) => void) {
    this.#onLine = onLine
  }

  get cutBytes(): number {
    return this.#cut
  }

  push(stream: FrameStream, payload: Buffer): void {
    const lines = (this.#pending[stream] + this.#decoders[stream].write(payload)).split('\n')
    const rest = lines.pop() ?? ''
    for (const line of lines) this.#emit(stream, line)
    if (rest.length > 2 * maxLineChars) {
      this.#cut += rest.length - maxLineChars
      this.#pending[stream] = rest.slice(0, maxLineChars)
    } else {
      this.#pending[stream] = rest
    }
  }

  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#pending[stream] !== '') this.#emit(stream, this.#pending[stream])
      this.#pending[stream] = ''
    }
  }

  #emit(stream: FrameStream, line: string): void {
    const [, at, text] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s.exec(line) ?? []
    const content = (text ?? line).replace(/\r$/, '')
    this.#cut += Math.max(0, content.length - maxLineChars)
    this.#onLine({ at: at ?? null, stream, text: content.slice(0, maxLineChars) })
  }
}
