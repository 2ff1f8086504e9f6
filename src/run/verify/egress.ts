/** Tests whether a workload reaches out of its network, with a control that shows that the test can tell. */
import type { Engine, Labels } from '../../engines/engine.ts'
import type { Helper } from '../relay/helper.ts'
import type { Teardown } from '../teardown.ts'

/** A machine outside every cell's network, which routes to it as to any other, and an open network that reaches it. */
export interface Outside {
  /** Both ways at once; `null` where even the open network did not get through, so that nothing is known. */
  reachedFrom(pid: number, signal: AbortSignal): Promise<boolean | null>
  /** The same through an HTTP proxy that the process reaches. */
  reachedThrough(
    proxy: { readonly address: string; readonly port: number },
    pid: number,
    signal: AbortSignal,
  ): Promise<boolean | null>
}

const port = 7
const busybox = '/bin/busybox'

/**
 * A virtual cable between the engine's host and the outside container. The kernel names the second end `veth0`, since
 * the container has no other device; it gets a name of its own before it moves to the host.
 */
const cableScript = `B=/bin/busybox; P=$1; N=$2; H=$3; O=$4; R=
I="$B nsenter -t $P -n $B"
[ -z "$5" ] || R=$($B pidof "$5" | $B cut -d' ' -f1)
# The helper is in the host's namespace itself, and not every first process may be entered.
if [ "$R" ]; then G="$B nsenter -t $R -n $B"; else G=$B; R=$$; fi
set -e
$I ip link add out0 type veth
$I ip link set veth0 name $N
$I ip link set $N netns $R
$I ip addr add $O/30 dev out0
$I ip link set out0 up
$G ip addr add $H/30 dev $N
$G ip link set $N up
$I ip route add default via $H`

/** Without root, Podman's networks are in a namespace of their own, the one of its name server, not in the host's. */
const rootlessRouter = 'aardvark-dns'

/**
 * Exit 0: the process in \`$1\` got through, by the proxy at \`$5\` and \`$6\` where they are given. 1: only the control in
 * \`$2\` did. 2: neither.
 */
const reachScript = `B=/bin/busybox
t() { $B timeout 3 $B nsenter -t "$1" -n $B nc -w 1 "$2" "$3" </dev/null >/dev/null 2>&1; }
p() {
  $B printf 'CONNECT %s:%s HTTP/1.1\\r\\nHost: %s:%s\\r\\n\\r\\n' "$2" "$3" "$2" "$3" |
    $B timeout 5 $B nsenter -t "$1" -n $B nc -w 2 "$4" "$5" 2>/dev/null | $B head -n 1 | $B grep -q '^HTTP/[0-9.]* 200'
}
t "$2" "$3" "$4" & C=$!
if [ "$5" ]; then p "$1" "$3" "$4" "$5" "$6"; else t "$1" "$3" "$4"; fi; R=$?
wait $C || exit 2
[ $R = 0 ] && exit 0
# Of a process that is gone nothing is known.
[ -e "/proc/$1/ns/net" ] || exit 2
exit 1`

/** Rejects with `EngineError`, or with an `Error` where the host does not allow a virtual cable. */
export async function openOutside(
  engine: Engine,
  options: {
    readonly helper: Helper
    readonly image: string
    readonly rootless: boolean
    /** Prefix of names; the labels are those of the run. */
    readonly name: string
    readonly labels: Labels
    /** The runtime to ask for; the engine's own where undefined. */
    readonly runtime: string | undefined
    readonly teardown: Teardown
    readonly signal: AbortSignal
  },
): Promise<Outside> {
  const { helper, signal, teardown, labels } = options
  const name = `${options.name}-outside`
  const start = async (container: string, network: { kind: 'none' } | { kind: 'network'; id: string; aliases: [] }) => {
    teardown.defer(container, (cleanup) => engine.containers.remove(container, { signal: cleanup }))
    const { id } = await engine.containers.create(
      {
        name: container,
        image: options.image,
        labels,
        entrypoint: [busybox],
        command: ['nc', '-ll', '-p', String(port), '-e', busybox, 'true'],
        environment: {},
        constraints: {
          stop_signal: 'SIGKILL',
          ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
        },
        network,
        volumes: [],
      },
      { signal },
    )
    await engine.containers.start(id, { signal })
    return (await engine.containers.inspect(id, { signal })).pid
  }

  teardown.defer(`network ${name}`, (cleanup) => engine.networks.remove(name, { signal: cleanup }))
  const network = await engine.networks.create({ name, labels, internal: false }, { signal })
  const control = await start(`${name}-control`, { kind: 'network', id: network.id, aliases: [] })
  const outside = await start(name, { kind: 'none' })

  // 198.18.0.0/15 is set aside for tests between networks (RFC 2544).
  const block = Math.floor(Math.random() * 2 ** 15) * 4
  const address = (last: number) => `198.${18 + (block >> 16)}.${(block >> 8) & 255}.${(block & 255) + last}`
  const cable = `mx${Math.random().toString(36).slice(2, 10)}`
  const router = options.rootless ? rootlessRouter : ''
  const laid = await helper.script(cableScript, {
    args: [String(outside), cable, address(1), address(2), router],
    signal,
  })
  if (laid.exitCode !== 0) throw new Error(`no machine outside the networks could be made: ${laid.stderr.trim()}`)
  const reached = async (pid: number, through: readonly string[], reachSignal: AbortSignal) => {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { exitCode } = await helper.script(reachScript, {
        args: [String(pid), String(control), address(2), String(port), ...through],
        signal: reachSignal,
      })
      if (exitCode === 0 || exitCode === 1) return exitCode === 0
    }
    return null
  }
  return {
    reachedFrom: (pid, reachSignal) => reached(pid, [], reachSignal),
    reachedThrough: (proxy, pid, reachSignal) => reached(pid, [proxy.address, String(proxy.port)], reachSignal),
  }
}
