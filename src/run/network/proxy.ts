/** The proxy of a cell: the only way out of a network that has none of its own. */
import { ensureProxyImage } from '../../images/proxy.ts'
import { type HelperContainer, type HelperContext, startHelperContainer } from './helper-container.ts'

export interface CellProxy extends HelperContainer {
  readonly port: number
  /** As a program of the cell is told it. */
  readonly url: string
}

// With a dot, so that no stack can have it.
const host = 'proxy.matrix'
const port = 3128

/** Rejects with `EngineError`, or with an `Error` where it does not listen in time. */
export async function startProxy(
  network: { readonly id: string; readonly subnets: readonly string[] },
  context: HelperContext & {
    /** The proxy behind it, as a URL; null: it reaches out itself. */
    readonly upstream: string | null
  },
): Promise<CellProxy> {
  const image = await ensureProxyImage(context.session.engine, { signal: context.signal })
  const started = await startHelperContainer(
    {
      name: 'proxy',
      image,
      command: ['sh', '-c', 'echo "$CONFIG" >/run/proxy.conf && exec /usr/bin/tinyproxy -d -c /run/proxy.conf'],
      environment: { CONFIG: proxyConfiguration({ upstream: context.upstream, sources: network.subnets }) },
      constraints: { user: '65534:65534', read_only: true, tmpfs: { '/run': 'mode=1777' } },
      aliases: [host],
      reachesOut: true,
      ports: [port],
    },
    network,
    context,
  )
  return { ...started, port, url: `http://${host}:${port}` }
}

/**
 * It is also on a network that others are on, who are refused: where one source is allowed, all others are not. What is
 * set aside for tests between networks (RFC 2544) goes to no proxy behind it. Source: tinyproxy.conf(5).
 *
 * @param sources address ranges of the network that it serves
 */
export function proxyConfiguration(wanted: {
  readonly upstream: string | null
  readonly sources: readonly string[]
}): string {
  const { upstream, sources } = wanted
  if (sources.length === 0) throw new Error('a proxy without a network to serve would serve everybody')
  const behind = upstream === null ? [] : [`Upstream http ${endOf(upstream)}`, 'Upstream none "198.18.0.0/255.254.0.0"']
  const allowed = sources.map((range) => `Allow ${range}`)
  return [`Port ${port}`, 'Timeout 600', 'MaxClients 200', 'LogLevel Notice', ...allowed, ...behind].join('\n')
}

/** A URL leaves its scheme's own port out. */
function endOf(upstream: string): string {
  const { hostname, port: given } = new URL(upstream)
  return `${hostname}:${given || 80}`
}
