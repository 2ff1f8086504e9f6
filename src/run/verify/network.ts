/** Tries out a cell's network from inside a copy: what it reaches directly, through the proxy, and by a slow way. */
import type { NetworkPolicy } from '../../model/constraint.ts'
import type { CellNetwork } from '../network/cell-network.ts'
import type { Delay } from '../network/delay.ts'
import type { SessionHost } from '../session.ts'

export interface NetworkSeen {
  /** Whether a machine outside is reached, directly and through the proxy; null where that could not be told. */
  readonly direct: boolean | null
  readonly proxied: boolean | null
  /** One for each need behind a delay that could be looked at. */
  readonly delays: readonly SeenDelay[]
}
export interface SeenDelay {
  readonly alias: string
  /** What the name of the need leads to, and where the relay is. */
  readonly leadsTo: readonly string[]
  readonly relay: readonly string[]
  /** How long a connection took from its opening to its end; null where it did not end by itself. */
  readonly throughMs: number | null
  readonly directMs: number | null
}

export const nothingSeen: NetworkSeen = { direct: null, proxied: null, delays: [] }

const looksAtMost = 5

/** Whether further looks could change nothing: there are two of a network that cannot be tried, or most say the same. */
export function isSettled(looks: readonly NetworkSeen[]): boolean {
  const told = looks.map(({ direct }) => direct).filter((direct) => direct !== null)
  const most = Math.max(told.filter((direct) => direct).length, told.filter((direct) => !direct).length)
  return looks.length >= looksAtMost || most > looksAtMost / 2 || (looks.length > 1 && told.length === 0)
}

/**
 * What most looks saw. A network that is closed is open for moments, while its engine rewrites its rules; one that is
 * open is always so. The latest look at a delay counts.
 */
export function settled(looks: readonly NetworkSeen[]): NetworkSeen {
  return {
    direct: mostOf(looks.map(({ direct }) => direct)),
    proxied: mostOf(looks.map(({ proxied }) => proxied)),
    delays: looks.findLast(({ delays }) => delays.length > 0)?.delays ?? [],
  }
}

/** The later one where both were seen as often; null where none was seen. */
function mostOf(seen: readonly (boolean | null)[]): boolean | null {
  const told = seen.filter((one) => one !== null)
  const balance = told.reduce((sum, one) => sum + (one ? 1 : -1), 0)
  return balance === 0 ? (told.at(-1) ?? null) : balance > 0
}

export async function observeNetwork(context: {
  readonly pid: number
  /** Aliases of what the copy needs itself. */
  readonly needs: readonly string[]
  /** Null: the copy is on no network. */
  readonly network: CellNetwork | null
  readonly egress: NetworkPolicy['egress']
  /** The machine where the copy runs. */
  readonly host: SessionHost
  readonly signal: AbortSignal
}): Promise<NetworkSeen> {
  const { network, pid, host, signal } = context
  // Without a network none can be as open as it was declared to be, and nothing needs to be tried.
  if (pid <= 0 || (network === null && context.egress !== 'none')) return nothingSeen
  const outside = await host.outside()
  const proxy = network?.proxy ?? null
  const [direct, proxied, delays] = await Promise.all([
    outside === null ? null : outside.reachedFrom(pid, signal),
    outside === null || proxy === null ? null : outside.reachedThrough(proxy, pid, signal),
    Promise.all(
      context.needs.flatMap((alias) => {
        const delay = network?.delays.get(alias)
        return delay === undefined ? [] : [lookAt(delay, { pid, host, signal })]
      }),
    ),
  ])
  return { direct, proxied, delays: delays.filter((delay) => delay !== null) }
}

/** A connection that says nothing ends when the need has heard its end; the clock is the engine's host's own. */
const delayScript = `B=/bin/busybox; N="$B nsenter -t $1 -n $B"
D=$($B sed -n 's/^nameserver[[:space:]]*//p' /proc/$1/root/etc/resolv.conf | $B head -n 1)
[ "$D" ] || exit 3
look() { $N nslookup "$1" "$D" 2>/dev/null | $B awk '/^Name:/ { on = 1 } on && /^Address/ { print $NF }' | $B sort -u; }
now() { echo | $B ts %.s; }
for A in "$2" "$3"; do
  for I in $(look "$A"); do
    S=$(now); $B timeout 5 $N nc "$I" "$4" </dev/null >/dev/null 2>&1; R=$?
    echo "$A $I $S $(now) $R"
  done
done`

async function lookAt(
  delay: Delay,
  context: { readonly pid: number; readonly host: SessionHost; readonly signal: AbortSignal },
): Promise<SeenDelay | null> {
  const { exitCode, stdout } = await context.host.helper.script(delayScript, {
    args: [String(context.pid), delay.alias, delay.behind, String(delay.port)],
    signal: context.signal,
  })
  return exitCode === 0 ? parseDelay(stdout, delay) : null
}

/** Null where the name led nowhere, so that nothing is known. */
export function parseDelay(text: string, delay: Pick<Delay, 'alias' | 'behind' | 'addresses'>): SeenDelay | null {
  const tries = text.split('\n').flatMap((line) => {
    const [name, address, start, end, status] = line.split(/\s+/)
    if (name === undefined || address === undefined || status === undefined) return []
    const ms = Math.round((Number(end) - Number(start)) * 1e4) / 10
    return [{ name, address, ms: status === '0' && Number.isFinite(ms) ? ms : null }]
  })
  const through = tries.filter(({ name }) => name === delay.alias)
  if (through.length === 0) return null
  return {
    alias: delay.alias,
    leadsTo: through.map(({ address }) => address),
    relay: delay.addresses,
    throughMs: through[0]?.ms ?? null,
    directMs: tries.find(({ name }) => name === delay.behind)?.ms ?? null,
  }
}
