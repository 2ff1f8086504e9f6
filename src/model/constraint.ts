/** What an environment imposes on a container, under compose-spec's names with parsed values. */
import type { Json } from './check.ts'

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

const inBytes = /^(mem_limit|memswap_limit|shm_size|tmpfs:.*)$/
const units = ['bytes', 'KiB', 'MiB', 'GiB'] as const

/** A value of a constraint as people read it. */
export const valueTold = (key: string, value: Json): string =>
  typeof value === 'number' ? amountOf(key, value) : JSON.stringify(value)

/** A value of a constraint in the constraint's unit: `96 MiB`, `1280 MiB`, `2 s`, `0.5`; exact where four digits can tell it. */
export function amountOf(key: string, value: number): string {
  if (key === 'stop_grace_period') return `${value / 1000} s`
  if (!inBytes.test(key)) return String(value)
  const power = value < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(value) / 10))
  const exact = power > 0 && value % 1024 ** power !== 0 && value % 1024 ** (power - 1) === 0 ? power - 1 : power
  return `${Number((value / 1024 ** exact).toFixed(1))} ${units[exact]}`
}

/**
 * How many ids the containers of an engine without root usually have: its user's own, as root's, and those from /etc/subuid,
 * for users as for groups. Source: useradd(8), SUB_UID_COUNT.
 */
export const usualIds = 65_537
