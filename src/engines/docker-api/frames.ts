/** The engine's framing of stdout and stderr on one stream, read with bounded memory. */
import { Duplex, type Readable } from 'node:stream'
import { EngineError } from '../engine.ts'
import { engineError } from './errors.ts'

export type FrameStream = 'stdout' | 'stderr'

/** A piece of payload, which may be a part of a frame; `opens` where it is the first one of its frame. */
export type OnPayload = (stream: FrameStream, payload: Buffer, opens: boolean) => void

/** Feeds chunks in any cut; calls back once a piece of payload. */
export class FrameParser {
  readonly #onPayload: OnPayload
  #header = Buffer.alloc(0)
  #left = 0
  #opens = false
  #stream: FrameStream = 'stdout'

  constructor(onPayload: OnPayload) {
    this.#onPayload = onPayload
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left)
        this.#left -= end - at
        this.#onPayload(this.#stream, chunk.subarray(at, end), this.#opens)
        this.#opens = false
        at = end
        continue
      }
      const missing = 8 - this.#header.length
      this.#header = Buffer.concat([this.#header, chunk.subarray(at, at + missing)])
      at += missing
      if (this.#header.length < 8) return
      this.#stream = this.#header[0] === 2 ? 'stderr' : 'stdout'
      this.#left = this.#header.readUInt32BE(4)
      this.#opens = true
      this.#header = Buffer.alloc(0)
    }
  }
}

/** The two directions of an attached process as one stream: its stdin, and its stdout without frames. Stderr is dropped. */
export function attachedDuplex(socket: Duplex): Duplex {
  const duplex = new Duplex({
    read() {
      socket.resume()
    },
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk, done)
    },
    final(done) {
      socket.end(done)
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  const parser = new FrameParser((stream, payload) => {
    if (stream === 'stdout' && !duplex.push(Buffer.from(payload))) socket.pause()
  })
  socket.on('data', (chunk: Buffer) => parser.push(chunk))
  socket.on('end', () => duplex.push(null))
  socket.on('close', () => {
    // Without its end the stream broke; what came of it may be a part only.
    if (!socket.readableEnded) duplex.destroy(new EngineError('unreachable', 'the connection to the engine broke'))
  })
  socket.on('error', (error: Error) => duplex.destroy(engineError(error)))
  return duplex
}

/** Reads a framed stream to its end. Rejects with the stream's error. */
export function readFrames(stream: Readable, onPayload: OnPayload, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const parser = new FrameParser(onPayload)
    const onAbort = () => {
      stream.destroy()
      reject(signal.reason)
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort)
      act()
    }
    stream.on('data', (chunk: Buffer) => parser.push(chunk))
    stream.on('end', () => settle(resolve))
    stream.on('close', () => {
      if (stream.readableEnded) settle(resolve)
      else settle(() => reject(new EngineError('unreachable', 'the connection to the engine broke')))
    })
    stream.on('error', (error) => settle(() => reject(error)))
  })
}
