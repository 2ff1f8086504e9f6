/** What a probe is aimed at, and how it gets there. */
import type { Duplex } from 'node:stream'
import type { CallOptions } from '../../engines/engine.ts'

/** A container of a cell, as probes see it. */
export interface ProbeTarget {
  /** Its host name on the cell's network. */
  readonly alias: string
  readonly containerId: string
  /** Port name → number. */
  readonly ports: Readonly<Record<string, number>>
  readonly imageId: string
  /**
   * A stream to a port of its own address, or of another that its network reaches (`host`, an IP address); where nothing
   * accepts the connection, it is destroyed with a `DialError`.
   */
  dial(port: number, options: CallOptions & { readonly host?: string }): Promise<Duplex>
  /** Resolves once a connection was accepted and ended again; rejects with `DialError`. */
  reach(port: number, options: CallOptions): Promise<void>
}

/** A connection that could not be made. `relayFault`: the fault is Matrix's own way there, so nothing is known. */
export class DialError extends Error {
  override readonly name = 'DialError'
  readonly reason: 'refused' | 'unreachable' | 'deadline' | 'exited'
  readonly relayFault: boolean
  constructor(
    message: string,
    options: { readonly reason: DialError['reason']; readonly relayFault: boolean; readonly cause?: unknown },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.reason = options.reason
    this.relayFault = options.relayFault
  }
}
