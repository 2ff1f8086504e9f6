/** What the kernel calls the things that a constraint can name. */

/** Capability names by bit. Source: include/uapi/linux/capability.h. */
export const capabilityNames: readonly string[] = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ')

/** The kernel's names of limits → the names of `ulimits`. Source: fs/proc/base.c, `lnames`. */
export const ulimitNames: Readonly<Record<string, string>> = {
  'Max cpu time': 'cpu',
  'Max file size': 'fsize',
  'Max data size': 'data',
  'Max stack size': 'stack',
  'Max core file size': 'core',
  'Max resident set': 'rss',
  'Max processes': 'nproc',
  'Max open files': 'nofile',
  'Max locked memory': 'memlock',
  'Max address space': 'as',
  'Max file locks': 'locks',
  'Max pending signals': 'sigpending',
  'Max msgqueue size': 'msgqueue',
  'Max nice priority': 'nice',
  'Max realtime priority': 'rtprio',
  'Max realtime timeout': 'rttime',
}

/** Signal names without `SIG`, but for the realtime ones. Source: signal(7), of x86 and ARM. */
export const signalNames: readonly string[] = (
  'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP ' +
  'TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ'
).split(' ')

/** Options of a tmpfs that stand alone. Source: mount(8), and `tmpcopyup` of Podman. */
export const tmpfsFlags: readonly string[] = (
  'defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync mand nomand atime noatime diratime nodiratime ' +
  'relatime norelatime strictatime nostrictatime tmpcopyup notmpcopyup'
).split(' ')

/** Options of a tmpfs that have a value → how it is written, with an example. Source: tmpfs(5). */
export const tmpfsValues: Readonly<Record<string, { readonly pattern: RegExp; readonly such: string }>> = {
  size: { pattern: /^\d+[kmg%]?$/i, such: 'size=64m' },
  mode: { pattern: /^[0-7]{1,5}$/, such: 'mode=1777' },
  uid: { pattern: /^\d+$/, such: 'uid=1000' },
  gid: { pattern: /^\d+$/, such: 'gid=1000' },
  nr_inodes: { pattern: /^\d+[kmg]?$/i, such: 'nr_inodes=10k' },
  nr_blocks: { pattern: /^\d+[kmg]?$/i, such: 'nr_blocks=10k' },
  mpol: { pattern: /^./, such: 'mpol=default' },
}
