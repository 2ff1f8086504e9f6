/** Which capabilities this machine cannot give: a container that asks for one of them does not start. */
import { readFileSync } from 'node:fs'

/**
 * In the order of their numbers, as far as Docker 20.10 knows them: it refuses to drop one that it does not know, and
 * gives none of those by ALL; newer engines leave out of ALL what they lack. Source: capabilities(7).
 */
const names = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...['LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER'],
  ...['SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE'],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP'],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ'],
]

/** Those that the bounding set of this process lacks, which is the machine's own where nothing narrowed it. */
export function missingCapabilities(status = readFileSync('/proc/self/status', 'utf8')): readonly string[] {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? 'ffffffffff'}`)
  return names.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 0n)
}
