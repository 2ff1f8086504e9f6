/** What a probe is aimed at, and how it gets there. */
import type { Duplex } from 'node:stream'
import type { CallOptions } from '../../engines/engine.ts'
import { deadline } from '../../lib/abort.ts'
import type { Observation } from '../../model/observation.ts'

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
  /** Addresses with ports where it accepts connections, such as `0.0.0.0:3000`; none where that cannot be seen. */
  listening(options: CallOptions): Promise<readonly string[]>
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

const looksWithinMs = 5_000
const shown = 5

/** Of a connection that was refused, a clause that says where the workload listens instead; empty where that cannot be seen. */
export async function listensElsewhere(
  seen: Observation,
  { target, signal }: { readonly target: ProbeTarget; readonly signal: AbortSignal },
): Promise<string> {
  if (!('noReply' in seen) || seen.noReply?.reason !== 'refused') return ''
  using limit = deadline(looksWithinMs, signal)
  const places = await target.listening({ signal: limit.signal }).catch(() => [])
  if (places.length === 0) return ''
  const told = places.slice(0, shown).map((one) => (isLoopback(one) ? `${one} (for itself alone)` : one))
  const more = places.length > shown ? ` and ${places.length - shown} more` : ''
  return `; the workload listens on ${told.join(', ')}${more}`
}

const isLoopback = (place: string): boolean => /^(127\.|\[::1\]|\[::ffff:7f)/.test(place)
