/** Cuts the engine's log stream into lines with their times. */
import { StringDecoder } from 'node:string_decoder'
import type { LogLine } from '../engine.ts'
import type { FrameStream } from './frames.ts'

const maxLineChars = 16 * 1024
/** Room for the time that stands before a line. */
const maxPendingChars = maxLineChars + 64

/** What has come of a line that has not ended. */
class Pending {
  readonly decoder = new StringDecoder('utf8')
  text = ''
  cutChars = 0

  add(text: string): void {
    const room = maxPendingChars - this.text.length
    this.text += text.slice(0, room)
    this.cutChars += Math.max(0, text.length - room)
  }
}

/** Of a line longer than 16 KiB the end is cut, and counted. */
export class LineSplitter {
  readonly #onLine: (line: LogLine) => void
  readonly #pending: Record<FrameStream, Pending> = { stdout: new Pending(), stderr: new Pending() }
  #cut = 0

  constructor(onLine: (line: LogLine) => void) {
    this.#onLine = onLine
  }

  get cutBytes(): number {
    return this.#cut
  }

  push(stream: FrameStream, payload: Buffer): void {
    const pending = this.#pending[stream]
    const [first = '', ...lines] = pending.decoder.write(payload).split('\n')
    pending.add(first)
    for (const line of lines) {
      this.#emit(stream)
      pending.add(line)
    }
  }

  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#pending[stream].text !== '') this.#emit(stream)
    }
  }

  #emit(stream: FrameStream): void {
    const pending = this.#pending[stream]
    const [, at, text] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.*)$/s.exec(pending.text) ?? []
    const content = text ?? pending.text
    const whole = pending.cutChars === 0 ? content.replace(/\r$/, '') : content
    const cutChars = pending.cutChars + Math.max(0, whole.length - maxLineChars)
    this.#cut += cutChars
    pending.text = ''
    pending.cutChars = 0
    const line = { at: at ?? null, stream, text: whole.slice(0, maxLineChars) }
    this.#onLine(cutChars > 0 ? { ...line, cutChars } : line)
  }
}
