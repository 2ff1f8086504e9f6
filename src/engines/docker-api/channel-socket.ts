/** A channel of an ssh connection as a socket that an HTTP client can use. */
import { Duplex } from 'node:stream'
import type { ClientChannel } from 'ssh2'

/**
 * The far side's end is the end of the stream, as with a local socket. Where the connection under it breaks, `sever`
 * destroys it without an end, so that nobody takes half an answer for a whole one.
 */
export class ChannelSocket extends Duplex {
  readonly #channel: ClientChannel
  #pending: ((error?: Error | null) => void) | undefined
  #closed = false
  #heard = false
  #endPushed = false

  constructor(channel: ClientChannel) {
    super({ allowHalfOpen: true })
    this.#channel = channel
    channel.on('data', (chunk: Buffer) => {
      this.#heard = true
      if (!this.destroyed && !this.push(chunk)) channel.pause()
    })
    channel.on('end', () => this.#ended())
    channel.on('close', () => {
      this.#closed = true
      this.#ended()
      this.#pending?.(closedError())
    })
    channel.on('error', (error: Error) => this.destroy(error))
  }

  sever(error: Error): void {
    // An error would make the HTTP client take what has come of a body without a length for all of it.
    if (this.#heard) this.destroy()
    else this.destroy(error)
  }

  override _read(): void {
    this.#channel.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#closed) {
      done(closedError())
      return
    }
    // The channel forgets a write that waits for room when it closes.
    this.#pending = (error) => {
      this.#pending = undefined
      done(error)
    }
    this.#channel.write(chunk, () => this.#pending?.())
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#closed) this.#channel.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pending = undefined
    if (!this.#closed) this.#channel.close()
    done(error)
  }

  #ended(): void {
    if (this.destroyed || this.#endPushed) return
    this.#endPushed = true
    this.push(null)
  }
}

const closedError = () => Object.assign(new Error('the connection was closed by the other side'), { code: 'EPIPE' })
