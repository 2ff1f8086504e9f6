/** Where a workload does accept connections, as the kernel tells it of the workload's own network. */
import type { Helper } from './helper.ts'

const readScript = '/bin/busybox cat /proc/$1/net/tcp /proc/$1/net/tcp6 2>/dev/null; exit 0'

/** Addresses with ports, such as `0.0.0.0:3000`; none where the kernel does not tell, as of a sandbox with a network stack of its own. */
export async function listening(
  helper: Helper,
  options: { readonly pid: number; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const { stdout } = await helper.script(readScript, { args: [String(options.pid)], signal: options.signal })
  return parseListening(stdout)
}

const listens = '0A'
/** The engine's own resolver sits in the workload's network. */
const resolver = '127.0.0.11:'

/** Source: proc(5), `/proc/net/tcp`: second field the address in hex, fourth the state; words of an address in the host's order. */
export function parseListening(text: string): readonly string[] {
  const found = text.split('\n').flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/)
    const [, hex, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local) ?? []
    if (state !== listens || hex === undefined || port === undefined) return []
    return [`${hex.length === 8 ? addressOf(hex) : address6Of(hex)}:${Number.parseInt(port, 16)}`]
  })
  return [...new Set(found)].filter((one) => !one.startsWith(resolver)).sort()
}

const bytesOf = (hex: string): readonly string[] =>
  (hex.match(/.{8}/g) ?? []).flatMap((word) => [...(word.match(/../g) ?? [])].reverse())

const addressOf = (hex: string): string =>
  bytesOf(hex)
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')

function address6Of(hex: string): string {
  const groups = bytesOf(hex)
    .join('')
    .match(/.{4}/g)
    ?.map((group) => Number.parseInt(group, 16).toString(16))
  const text = (groups ?? []).join(':')
  // The longest run of zeroes is written as two colons, which for those that are listened on is the first.
  return `[${text.replace(/(^|:)0(:0)+(:|$)/, '::')}]`
}
