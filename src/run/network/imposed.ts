/** What a network policy means for every copy of a cell: whether it has a network, its settings, and variables that tell of the proxy. */
import type { Copy, RunnableCell } from '../../model/plan.ts'

/** One that may not reach out, and is reached by nobody: its container has no network. */
export function reachesNothing({ copies, network }: Pick<RunnableCell, 'copies' | 'network'>): boolean {
  const talks = copies.length > 1 || copies.some((copy) => Object.keys(copy.config.ports).length > 0)
  return !talks && network.egress === 'none'
}

/** In both spellings, since programs read one or the other. */
export function proxyVariables(url: string, exempt: readonly string[]): Readonly<Record<string, string>> {
  const variables = { http_proxy: url, https_proxy: url, no_proxy: exempt.join(',') }
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => [
      [name, value],
      [name.toUpperCase(), value],
    ]),
  )
}

/** What is reached without the proxy: the copies of the cell by name, and whatever has an address on its network. */
export function exemptOf(copies: readonly Pick<Copy, 'alias'>[], subnets: readonly string[]): readonly string[] {
  return ['localhost', '127.0.0.1', '::1', ...copies.map((copy) => copy.alias), ...subnets]
}

/** `ipv6: no_address`: the kernel speaks IPv6 and gives no address, not even loopback's. */
export function networkSysctls(cell: Pick<RunnableCell, 'network' | 'unsupported'>): Readonly<Record<string, string>> {
  if (cell.network.ipv6 !== 'no_address' || cell.unsupported.includes('network.ipv6')) return {}
  return { 'net.ipv6.conf.all.disable_ipv6': '1', 'net.ipv6.conf.default.disable_ipv6': '1' }
}
