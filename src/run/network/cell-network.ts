/** The network of one cell: as open as its environment says, with a proxy on it and delays where there are to be some. */
import { randomBytes } from 'node:crypto'
import type { RunnableCell } from '../../model/plan.ts'
import { canDelay } from '../../plan/delays.ts'
import { labelsOf, objectName } from '../labels.ts'
import { type Delay, nameBehind, startDelay } from './delay.ts'
import type { HelperContext } from './helper-container.ts'
import { exemptOf, proxyVariables, reachesNothing } from './imposed.ts'
import { type CellProxy, startProxy } from './proxy.ts'

export interface CellNetwork {
  readonly id: string
  readonly proxy: CellProxy | null
  /** Alias of a need → what stands before it. */
  readonly delays: ReadonlyMap<string, Delay>
  /** What every copy is told beside its own variables. */
  readonly variables: Readonly<Record<string, string>>
  /** The name of a copy's own container. */
  nameOf(alias: string): string
}

/** Null: the cell needs none. Rejects with `EngineError`, or with an `Error` where a helper of Matrix's own does not come up. */
export async function openCellNetwork(
  cell: RunnableCell,
  context: Omit<HelperContext, 'cell'>,
): Promise<CellNetwork | null> {
  const { copies, network } = cell
  const { session, signal, teardown } = context
  const isolated = copies.some((copy) => copy.config.constraints.network_mode === 'none')
  if (isolated || reachesNothing(cell)) return null

  const imposes = (atom: string) => !cell.unsupported.includes(atom)
  const proxied = network.egress === 'proxy' && imposes('network.egress')
  const { latencyMs } = network
  const slow = latencyMs === undefined || !imposes('network.latency') ? [] : copies.filter(canDelay)

  const { networks } = session.engine
  const name = objectName(session.identity, cell.id)
  teardown.defer(`network ${name}`, (cleanup) => networks.remove(name, { signal: cleanup }))
  const { id } = await session.starting(() =>
    networks.create(
      {
        name,
        labels: labelsOf(session.identity, 'workload', cell.id),
        internal: network.egress === 'none' || proxied,
        ...(network.mtu === undefined || !imposes('network.mtu') ? {} : { mtu: network.mtu }),
        ...(network.ipv6 === 'on' && imposes('network.ipv6') ? { ipv6Subnet: localSubnet() } : {}),
      },
      { signal },
    ),
  )
  const subnets = proxied || slow.length > 0 ? await networks.subnets(id, { signal }) : []
  const within = { ...context, cell: cell.id }
  const proxying = proxied ? startProxy({ id, subnets }, { ...within, upstream: network.proxy ?? null }) : null
  const delaying = slow.map((copy) => startDelay(copy, latencyMs ?? 0, { network: { id, subnets }, context: within }))
  // Every one of them is there, or is not, before the first failure is told: what comes later would not be removed.
  await Promise.allSettled([proxying, ...delaying])
  const proxy = await proxying
  const delays = new Map((await Promise.all(delaying)).map((delay) => [delay.alias, delay]))
  return {
    id,
    proxy,
    delays,
    variables: proxy === null ? {} : proxyVariables(proxy.url, exemptOf(copies, subnets)),
    nameOf: (alias) => (delays.has(alias) ? nameBehind(alias) : alias),
  }
}

/** A range of IPv6 addresses that means nothing anywhere else (RFC 4193). */
function localSubnet(): string {
  const digits = `fd${randomBytes(7).toString('hex')}`
  return `${digits.match(/.{4}/g)?.join(':')}::/64`
}
