/** What an environment imposes on a container, under compose-spec's names with parsed values. */

/** Sizes are bytes, times are milliseconds. Every key can be lifted on its own. */
export interface Constraints {
  readonly mem_limit?: number
  readonly memswap_limit?: number
  readonly cpus?: number
  readonly cpuset?: string
  readonly pids_limit?: number
  readonly shm_size?: number
  /** `nofile` → soft and hard limit. */
  readonly ulimits?: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>
  readonly read_only?: boolean
  /** Mount point → mount options as compose writes them (`size=16m,mode=1777`), or an empty string. */
  readonly tmpfs?: Readonly<Record<string, string>>
  readonly user?: string
  readonly group_add?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly SecurityOption[]
  readonly sysctls?: Readonly<Record<string, string>>
  readonly dns?: readonly string[]
  /** Host name → address. */
  readonly extra_hosts?: Readonly<Record<string, string>>
  readonly hostname?: string
  readonly network_mode?: 'none'
  readonly init?: boolean
  readonly ipc?: string
  readonly userns_mode?: string
  readonly runtime?: string
  readonly platform?: string
  readonly stop_signal?: string
  readonly stop_grace_period?: number
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * One entry of `security_opt`. `text` is what was written (`no-new-privileges:true`,
 * `seccomp:./profile.json`); `profile` is the content of the file it names.
 */
export interface SecurityOption {
  readonly text: string
  readonly profile?: string
}

/** `open`: the network reaches out. `none`: it does not. `proxy`: only through a proxy. */
export interface NetworkPolicy {
  readonly egress: 'open' | 'none' | 'proxy'
  readonly proxy?: string
  readonly ipv6?: 'on' | 'no_address'
  readonly latencyMs?: number
  readonly mtu?: number
}
