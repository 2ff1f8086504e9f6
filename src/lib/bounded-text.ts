/** A text that grows without end, kept in bounded memory. */
import { StringDecoder } from 'node:string_decoder'

/** Keeps the first `maxBytes` of a text and counts the rest; never cuts a character in half. */
export class BoundedText {
  readonly #decoder = new StringDecoder('utf8')
  readonly #maxBytes: number
  #text = ''
  #kept = 0
  #cut = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(payload: Buffer): void {
    const room = Math.max(0, this.#maxBytes - this.#kept)
    const kept = payload.subarray(0, room)
    this.#kept += kept.length
    this.#cut += payload.length - kept.length
    this.#text += this.#decoder.write(kept)
  }

  get text(): string {
    return this.#cut > 0 ? this.#text : this.#text + this.#decoder.end()
  }

  get cutBytes(): number {
    return this.#cut
  }
}
