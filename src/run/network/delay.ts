/** A slow way to a need: a relay under its name that lets every connection wait before it goes on to the need itself. */
import type { Copy } from '../../model/plan.ts'
import { type HelperContainer, type HelperContext, startHelperContainer } from './helper-container.ts'

export interface Delay extends HelperContainer {
  /** The need's name, which leads to the relay. */
  readonly alias: string
  readonly ms: number
  /** The need's own name behind the relay. */
  readonly behind: string
  /** One of the ports that it passes on. */
  readonly port: number
}

/** Netcat answers at once, waits, and only then opens the connection to the need. */
const relayScript = `B=/bin/busybox; T=$1; S=$2; shift 2
for P in "$@"; do $B nc -ll -p "$P" -e $B sh -c "$B sleep $S; exec $B nc $T $P" & done
wait`

// With a dot, so that no stack can have it.
export const nameBehind = (alias: string): string => `${alias}.direct`

/** Rejects with `EngineError`, or with an `Error` where it does not listen in time. */
export async function startDelay(
  copy: Copy,
  ms: number,
  options: {
    readonly network: { readonly id: string; readonly subnets: readonly string[] }
    readonly context: HelperContext
  },
): Promise<Delay> {
  const { network, context } = options
  const ports = [...new Set(Object.values(copy.config.ports))]
  const behind = nameBehind(copy.alias)
  const started = await startHelperContainer(
    {
      name: `${copy.alias}.delay`,
      image: context.session.helperImage,
      command: ['sh', '-c', relayScript, 'sh', behind, String(ms / 1000), ...ports.map(String)],
      environment: {},
      constraints: { cap_add: ['NET_BIND_SERVICE'], stop_signal: 'SIGKILL' },
      aliases: [copy.alias],
      reachesOut: false,
      ports,
    },
    network,
    context,
  )
  return { ...started, alias: copy.alias, ms, behind, port: ports[0] ?? 0 }
}
