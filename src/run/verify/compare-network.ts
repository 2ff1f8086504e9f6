/** Holds one declared atom of a network policy against what was seen from inside. */
import type { Atom } from '../../plan/atoms.ts'
import { asserted, type Comparison } from './comparison.ts'
import type { KernelView } from './kernel-view.ts'
import type { NetworkSeen } from './network.ts'

export interface NetworkContext {
  /** Null where the container was gone before it could be read. */
  readonly view: KernelView | null
  readonly seen: NetworkSeen
  /** Aliases of what the container reaches through a delay. */
  readonly delayed: readonly string[]
}

export function compareNetworkAtom(atom: Atom, { view, seen, delayed }: NetworkContext): Comparison {
  switch (atom.key) {
    case 'network.egress':
      return compareEgress(atom, seen)
    case 'network.latency':
      return compareLatency(Number(atom.value), { seen, delayed })
    case 'network.mtu':
      // Without a network there is no device whose packets could be long.
      if (view === null || view.mtu === null) return asserted
      return { provenance: 'enforced', observed: view.mtu, agrees: view.mtu === atom.value }
    case 'network.ipv6': {
      if (view === null) return asserted
      const agrees = atom.value === 'on' ? view.ipv6.some(isGlobal) : view.ipv6.length === 0
      return { provenance: 'enforced', observed: view.ipv6.map(({ address }) => address), agrees }
    }
    default:
      return asserted
  }
}

function compareEgress(atom: Atom, { direct, proxied }: NetworkSeen): Comparison {
  if (atom.value !== 'proxy') {
    if (direct === null) return asserted
    const observed = direct ? 'open' : 'none'
    return { provenance: 'enforced', observed, agrees: observed === atom.value }
  }
  if (direct === null || (!direct && proxied === null)) return { provenance: 'emulated', observed: null, agrees: null }
  const observed = direct ? 'open' : proxied ? 'proxy' : 'none'
  return { provenance: 'emulated', observed, agrees: observed === 'proxy' }
}

/** A wait is never shorter than it was to be, however busy the machine, so a shorter one was none. */
function compareLatency(latencyMs: number, { seen, delayed }: Pick<NetworkContext, 'seen' | 'delayed'>): Comparison {
  if (delayed.length === 0) return { provenance: 'unsupported', observed: null, agrees: null }
  const { delays } = seen
  if (delays.length === 0) return { provenance: 'emulated', observed: null, agrees: null }
  const differs = delays.some(
    ({ leadsTo, relay, throughMs }) =>
      !leadsTo.every((address) => relay.includes(address)) || (throughMs !== null && throughMs < latencyMs),
  )
  // A connection that did not end by itself has no time.
  const isWhole = delayed.every((alias) => delays.some((delay) => delay.alias === alias && delay.throughMs !== null))
  const observed = Object.fromEntries(delays.map(({ alias, throughMs, directMs }) => [alias, { throughMs, directMs }]))
  return { provenance: 'emulated', observed, agrees: differs ? false : isWhole ? true : null }
}

const isGlobal = ({ address, device }: KernelView['ipv6'][number]) => device !== 'lo' && !address.startsWith('fe80')
