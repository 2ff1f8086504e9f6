/** Opens connections to a workload from inside its own network namespace. */
import type { Duplex } from 'node:stream'
import { EngineError } from '../../engines/engine.ts'
import { abortable } from '../../lib/abort.ts'
import { oneLine } from '../../lib/printable.ts'
import { DialError } from '../probes/target.ts'
import type { Helper } from './helper.ts'

/**
 * Connects, says so with one byte, then copies both ways. A connection that cannot be made ends with netcat's own
 * words instead, which never start with that byte. When our side closes, the rest is ended, so that nothing lingers.
 */
const connectScript = `exec 3<&0 4>&1
export MATRIX_PUMP='printf "\\001" >&4
(/bin/busybox cat <&3 4>&-; /bin/busybox sleep 1; kill $$) 2>/dev/null &
exec 3<&-
/bin/busybox cat >&4
kill $! 2>/dev/null'
exec /bin/busybox nc "$1" "$2" -e /bin/busybox sh -c "$MATRIX_PUMP" 2>&4`

const connected = 0x01

/** @param at the workload's process id on the engine's host, and the address to dial. */
export async function dial(
  helper: Helper,
  at: { readonly pid: number; readonly address: string; readonly port: number; readonly signal: AbortSignal },
): Promise<Duplex> {
  let stream: Duplex
  try {
    stream = await helper.stream(connectScript, {
      pid: at.pid,
      args: [at.address, String(at.port)],
      signal: at.signal,
    })
  } catch (error) {
    if (at.signal.aborted) throw at.signal.reason
    if (error instanceof EngineError && error.code === 'unreachable') throw error
    throw new DialError(`the relay could not be started: ${oneLine(String(error))}`, {
      reason: 'unreachable',
      relayFault: true,
      cause: error,
    })
  }
  try {
    const first = await abortable(firstChunk(stream), at.signal)
    if (first?.[0] === connected) {
      if (first.length > 1) stream.unshift(first.subarray(1))
      return stream
    }
    throw refusal(first?.toString('utf8') ?? '', `${at.address}:${at.port}`)
  } catch (error) {
    stream.destroy()
    throw error
  }
}

/** Null: the stream ended without a byte. */
function firstChunk(stream: Duplex): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      stream.off('readable', onReadable)
      stream.off('end', onEnd)
      stream.off('close', onEnd)
      stream.off('error', onError)
      act()
    }
    const onReadable = () => {
      const chunk: unknown = stream.read()
      if (Buffer.isBuffer(chunk)) settle(() => resolve(chunk))
    }
    const onEnd = () => settle(() => resolve(null))
    const onError = (error: Error) => settle(() => reject(error))
    stream.on('readable', onReadable)
    stream.on('end', onEnd)
    stream.on('close', onEnd)
    stream.on('error', onError)
  })
}

function refusal(text: string, address: string): DialError {
  if (/Connection refused/i.test(text)) {
    return new DialError(`nothing listens on ${address}`, { reason: 'refused', relayFault: false })
  }
  if (/No route|unreachable|timed out/i.test(text)) {
    return new DialError(`${address} cannot be reached: ${oneLine(text)}`, { reason: 'unreachable', relayFault: false })
  }
  if (/No such (file|process)|can't open|setns|nsenter/i.test(text) || text === '') {
    return new DialError(`the workload's network is gone${text === '' ? '' : `: ${oneLine(text)}`}`, {
      reason: 'exited',
      relayFault: true,
    })
  }
  return new DialError(`${address}: ${oneLine(text)}`, { reason: 'unreachable', relayFault: true })
}
