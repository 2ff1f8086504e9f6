/** Cuts the engine's log stream into lines with their times. */
import { StringDecoder } from 'node:string_decoder'
import type { LogLine } from '../engine.ts'
import type { FrameStream } from './frames.ts'

const maxLineChars = 16 * 1024
/** Room for the time that stands before a line. */
const maxPendingChars = maxLineChars + 64

/** What the engine puts before each entry of a log that is asked for with times. */
const stamp = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) /

/**
 * What has come of a line that has not ended. Engines keep what was written without a line's end as an entry of its own, and
 * send what follows in a frame of its own with a time of its own, which belongs to no line: `joints` is where such frames begin.
 */
class Pending {
  readonly decoder = new StringDecoder('utf8')
  text = ''
  cutChars = 0
  joints: number[] = []

  open(): void {
    if (this.text !== '' && this.text.length < maxPendingChars) this.joints.push(this.text.length)
  }

  add(text: string): void {
    const room = maxPendingChars - this.text.length
    this.text += text.slice(0, room)
    this.cutChars += Math.max(0, text.length - room)
  }

  take(): { readonly at: string | null; readonly text: string; readonly cutChars: number } {
    const pieces = [0, ...this.joints].map((start, index) => this.text.slice(start, this.joints[index]))
    const taken = {
      at: stamp.exec(this.text)?.[1] ?? null,
      text: pieces.map((piece) => piece.replace(stamp, '')).join(''),
      cutChars: this.cutChars,
    }
    this.text = ''
    this.cutChars = 0
    this.joints = []
    return taken
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

  /** `opens`: a frame begins here. */
  push(stream: FrameStream, payload: Buffer, opens: boolean): void {
    const pending = this.#pending[stream]
    if (opens) pending.open()
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
    const { at, text, cutChars: before } = this.#pending[stream].take()
    const whole = before === 0 ? text.replace(/\r$/, '') : text
    const cutChars = before + Math.max(0, whole.length - maxLineChars)
    this.#cut += cutChars
    const line = { at, stream, text: whole.slice(0, maxLineChars) }
    this.#onLine(cutChars > 0 ? { ...line, cutChars } : line)
  }
}
