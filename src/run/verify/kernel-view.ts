/** What the kernel says of a running container, read through the helper: no shell in the workload's image is needed. */
import { ulimitNames } from '../../model/kernel-names.ts'
import type { Helper } from '../relay/helper.ts'
import { controlFiles, sandboxScript } from './sandbox-view.ts'

export interface KernelView {
  /** Lines of `/proc/PID/status` by name. */
  readonly status: Readonly<Record<string, string>>
  /** `nofile` → soft and hard; `unlimited` as null. */
  readonly limits: Readonly<Record<string, { readonly soft: number | null; readonly hard: number | null }>>
  readonly mounts: readonly Mount[]
  /** File name (`memory.limit_in_bytes`, `pids.max`) → content; absent where the file is. */
  readonly cgroup: Readonly<Record<string, string>>
  readonly sysctls: Readonly<Record<string, string>>
  readonly hostname: string
  /** The environment that the main process was started with; a process may overwrite it. */
  readonly environment: Readonly<Record<string, string>>
  readonly hosts: string
  readonly resolver: string
  readonly interfaces: readonly string[]
  /** Of the device that leads out of the container; null where there is none. */
  readonly mtu: number | null
  readonly ipv6: readonly { readonly address: string; readonly device: string }[]
  /** Command name of the container's main process. */
  readonly command: string
}
export interface Mount {
  readonly target: string
  readonly type: string
  readonly options: readonly string[]
  readonly superOptions: readonly string[]
}

/** Written for busybox's shell; every section opens with a line `@@name`. File names are fixed, so nothing is injected. */
const readScript = `B=/bin/busybox; P=$1; shift
[ -e /proc/$P/ns ] || exit 3
s() { echo "@@$1"; }
c() { s "$1"; $B cat "$2" 2>/dev/null; echo; }
s interfaces; $B cat /proc/$P/net/dev
c inet6 /proc/$P/net/if_inet6
s links; $B nsenter -t $P -n $B ip -o link
${sandboxScript}
c status /proc/$P/status
c limits /proc/$P/limits
c mounts /proc/$P/mountinfo
c command /proc/$P/comm
c hosts /proc/$P/root/etc/hosts
c resolver /proc/$P/root/etc/resolv.conf
s environment; $B base64 /proc/$P/environ 2>/dev/null
s hostname; $B nsenter -t $P -u $B hostname
for f in ${controlFiles}; do
  for r in /proc/$P/root/sys/fs/cgroup /proc/$P/root/sys/fs/cgroup/unified; do
    [ -f $r/$f ] && { s "cgroup $f"; $B cat $r/$f; break; }
  done
done
for k in "$@"; do s "sysctl $k"; $B nsenter -t $P -n -i -u $B cat "/proc/sys/$k" 2>/dev/null; done
exit 0`

/** Null where the process is gone. `sysctls` are dotted names. */
export async function readKernelView(
  helper: Helper,
  options: { readonly pid: number; readonly sysctls: readonly string[]; readonly signal: AbortSignal },
): Promise<KernelView | null> {
  if (options.pid <= 0) return null
  const paths = options.sysctls
    .filter((name) => /^[A-Za-z0-9_.-]+$/.test(name))
    .map((name) => name.replaceAll('.', '/'))
  const result = await helper.script(readScript, { args: [String(options.pid), ...paths], signal: options.signal })
  return result.exitCode === 0 ? parseKernelView(result.stdout) : null
}

/** Null where the text is not a whole view, as when the process ended while it was read. */
export function parseKernelView(text: string): KernelView | null {
  const sections = new Map<string, string>()
  for (const part of text.split(/^@@/m).slice(1)) {
    const end = part.indexOf('\n')
    sections.set(part.slice(0, end), part.slice(end + 1).trimEnd())
  }
  const status = parseColons(sections.get('status') ?? '')
  if (status['Uid'] === undefined) return null
  const withPrefix = (prefix: string) =>
    Object.fromEntries(
      [...sections]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, content]) => [name.slice(prefix.length), content.trim()]),
    )
  return {
    status,
    limits: parseLimits(sections.get('limits') ?? ''),
    mounts: parseMounts(sections.get('mounts') ?? ''),
    cgroup: Object.fromEntries(
      Object.entries(withPrefix('cgroup ')).map(([name, content]) => [name.replace(/^.*\//, ''), content]),
    ),
    sysctls: Object.fromEntries(
      Object.entries(withPrefix('sysctl ')).map(([name, content]) => [name.replaceAll('/', '.'), content]),
    ),
    hostname: sections.get('hostname')?.trim() ?? '',
    environment: parseEnviron(sections.get('environment') ?? ''),
    hosts: sections.get('hosts') ?? '',
    resolver: sections.get('resolver') ?? '',
    interfaces: (sections.get('interfaces') ?? '')
      .split('\n')
      .flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []),
    mtu: parseMtu(sections.get('links') ?? ''),
    ipv6: parseInet6(sections.get('inet6') ?? ''),
    command: sections.get('command')?.trim() ?? '',
  }
}

function parseColons(text: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf(':')
    if (at > 0)
      values[line.slice(0, at)] = line
        .slice(at + 1)
        .trim()
        .replace(/\s+/g, ' ')
  }
  return values
}

function parseLimits(text: string): Record<string, { soft: number | null; hard: number | null }> {
  const limits: Record<string, { soft: number | null; hard: number | null }> = {}
  for (const line of text.split('\n')) {
    const [, title, soft, hard] = /^(Max [a-z ]+?)\s+(\d+|unlimited)\s+(\d+|unlimited)/.exec(line) ?? []
    const name = title === undefined ? undefined : ulimitNames[title]
    if (name === undefined || soft === undefined || hard === undefined) continue
    limits[name] = {
      soft: soft === 'unlimited' ? null : Number(soft),
      hard: hard === 'unlimited' ? null : Number(hard),
    }
  }
  return limits
}

function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ')
    const fields = before?.split(' ') ?? []
    const [type, , superOptions] = after?.split(' ') ?? []
    const [, , , , target, options] = fields
    if (target === undefined || type === undefined) return []
    return [
      {
        target: unescapeMount(target),
        type,
        options: options?.split(',') ?? [],
        superOptions: superOptions?.split(',') ?? [],
      },
    ]
  })
}

const unescapeMount = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The first Ethernet device: `12: eth0@if13: <…> mtu 1500 … link/ether …`. */
function parseMtu(text: string): number | null {
  const device = text.split('\n').find((line) => / link\/ether /.test(line))
  const mtu = device === undefined ? undefined : / mtu (\d+)/.exec(device)?.[1]
  return mtu === undefined ? null : Number(mtu)
}

/** Address in hex, index of the device, length of the prefix, scope, flags, device. Source: net/ipv6/addrconf.c. */
function parseInet6(text: string): KernelView['ipv6'] {
  return text.split('\n').flatMap((line) => {
    const [hex, , , , , device] = line.trim().split(/\s+/)
    if (hex === undefined || device === undefined) return []
    return [{ address: hex.match(/.{4}/g)?.join(':') ?? hex, device }]
  })
}

function parseEnviron(encoded: string): Record<string, string> {
  const entries = Buffer.from(encoded.replace(/\s/g, ''), 'base64').toString('utf8').split('\0')
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const at = entry.indexOf('=')
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)] as const] : []
    }),
  )
}
