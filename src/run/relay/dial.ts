/** Opens connections to a workload from inside its own network namespace. */
import { Duplex, Transform } from 'node:stream'
import { oneLine } from '../../lib/printable.ts'
import { DialError } from '../probes/target.ts'
import type { Helper } from './helper.ts'

/** A workload's port as the helper reaches it. */
export interface RelayAddress {
  /** Process id on the engine's host. */
  readonly pid: number
  readonly address: string
  readonly port: number
  /** What the stack calls the port. */
  readonly portName?: string
}

const netcat = '/bin/busybox nsenter -t "$1" -n /bin/busybox nc "$2" "$3"'
// What the tools say of themselves goes the same way as data; it comes first, and nothing follows it.
const ownWords = /^(?:nc|nsenter): /

/**
 * A stream to the port. Netcat does not say when it is connected, so the stream is there at once; where the connection
 * cannot be made, it is destroyed with a `DialError`. When our side ends, the workload sees the connection end.
 */
export async function dial(helper: Helper, to: RelayAddress & { readonly signal: AbortSignal }): Promise<Duplex> {
  const attached = await helper.stream(`exec ${netcat} 2>&1`, { args: argsOf(to), signal: to.signal })
  let first = true
  const checked = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const refused = first && ownWords.test(chunk.toString('latin1')) ? refusal(chunk.toString(), to) : null
      first = false
      if (refused === null) done(null, chunk)
      else done(refused)
    },
  })
  attached.on('error', (error) => checked.destroy(error))
  attached.pipe(checked)
  const stream = Duplex.from({ writable: attached, readable: checked })
  stream.on('close', () => attached.destroy())
  // Whoever holds the stream reads `errored`; one that is let go must not end the process.
  stream.on('error', () => {})
  return stream
}

/** Makes a connection and ends it again. Rejects with `DialError` where it is not accepted. */
export async function reach(helper: Helper, to: RelayAddress & { readonly signal: AbortSignal }): Promise<void> {
  const result = await helper.script(`exec ${netcat} -e /bin/busybox true`, { args: argsOf(to), signal: to.signal })
  if (result.exitCode !== 0) throw refusal(result.stderr, to)
}

const argsOf = (to: RelayAddress): readonly string[] => [String(to.pid), to.address, String(to.port)]

function refusal(text: string, to: RelayAddress): DialError {
  const address = `${to.address}:${to.port}${to.portName === undefined ? '' : ` (${to.portName})`}`
  if (/Connection refused/i.test(text)) {
    return new DialError(`nothing listens on ${address}`, { reason: 'refused', relayFault: false })
  }
  if (/No route|unreachable|timed out/i.test(text)) {
    return new DialError(`${address} cannot be reached: ${oneLine(text)}`, { reason: 'unreachable', relayFault: false })
  }
  if (/^nsenter: |No such process/i.test(text)) {
    return new DialError(`the workload's network is gone: ${oneLine(text)}`, { reason: 'exited', relayFault: false })
  }
  return new DialError(`${address}: ${oneLine(text)}`, { reason: 'unreachable', relayFault: true })
}
