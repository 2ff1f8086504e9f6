/** What is asserted about a running workload: checks, their expectations, readiness. */
import type { SourceLocation } from './diagnostic.ts'

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A scalar asks for strict, typed equality; a map ANDs its operators. */
export type Matcher = null | boolean | number | string | MatcherMap
export interface MatcherMap {
  readonly equals?: Json
  readonly contains?: Json
  readonly starts_with?: string
  readonly ends_with?: string
  /** A JavaScript regular expression, run with the flags `mu`. */
  readonly matches?: string
  readonly one_of?: readonly Json[]
  readonly exists?: boolean
  readonly length?: Matcher
  readonly gt?: number
  readonly gte?: number
  readonly lt?: number
  readonly lte?: number
  readonly not?: Matcher
  readonly any_of?: readonly Matcher[]
  readonly each?: Matcher
}

export type CheckKind =
  | 'http'
  | 'tcp'
  | 'exec'
  | 'sql'
  | 'redis'
  | 'log'
  | 'exit'
  | 'file'
  | 'inspect'
  | 'health'
  | 'steps'
/** What a step of `steps` may be, beside the kinds. */
export type ActionKind = 'restart' | 'signal' | 'parallel'

export type SecretOrText = string | { readonly secret: string }

/** Names of the secrets that stand somewhere in a value. */
export function secretsIn(value: unknown): readonly string[] {
  if (value === null || typeof value !== 'object') return []
  const { secret } = value as { secret?: unknown }
  if (typeof secret === 'string' && Object.keys(value).length === 1) return [secret]
  return Object.values(value).flatMap(secretsIn)
}

export interface HttpProbe {
  readonly kind: 'http'
  /** A name of `ports`. */
  readonly port: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, SecretOrText>>
  /** At most one of `json`, `form`, `body`. */
  readonly json?: Json
  readonly form?: Readonly<Record<string, SecretOrText>>
  readonly body?: string
  /** Keep cookies across the steps of one check. */
  readonly cookies: boolean
  /** How many redirects to follow; 0 by default. */
  readonly redirects: number
  readonly tls?: {
    readonly min?: 'TLSv1.2' | 'TLSv1.3'
    readonly max?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
    readonly server_name?: string
    readonly verify: boolean
  }
  readonly expect: {
    readonly status?: Matcher
    readonly headers?: Readonly<Record<string, Matcher>>
    readonly body?: Matcher
    /** JSON path (RFC 9535) → matcher. */
    readonly json?: Readonly<Record<string, Matcher>>
    /** Milliseconds. */
    readonly duration?: Matcher
  }
}
export interface TcpProbe {
  readonly kind: 'tcp'
  readonly port: string
  readonly send?: string
  readonly expect: { readonly connected: boolean; readonly banner?: Matcher }
}
export interface ExecProbe {
  readonly kind: 'exec'
  readonly command: readonly string[]
  /** Run `command` (one string) by `/bin/sh -c`; the loader has already made argv of it. */
  readonly shell: boolean
  /** The image of the one-off container when `from: client`: `self` or a reference. */
  readonly image: string
  readonly user?: string
  readonly workdir?: string
  readonly expect: { readonly exit_code?: Matcher; readonly stdout?: Matcher; readonly stderr?: Matcher }
}
export interface SqlProbe {
  readonly kind: 'sql'
  readonly driver: 'postgres'
  readonly port: string
  readonly database: string
  readonly user: string
  readonly password?: SecretOrText
  readonly query: string
  readonly expect: {
    readonly rows?: Matcher | readonly Json[]
    readonly row_count?: Matcher
    readonly sqlstate?: Matcher
  }
}
export interface RedisProbe {
  readonly kind: 'redis'
  readonly port: string
  /** The port is a Redis Sentinel's; the commands go to the master that it knows by this name. */
  readonly master?: string
  /** Each command as an argument vector. */
  readonly commands: readonly (readonly string[])[]
  readonly expect: { readonly replies?: Matcher | readonly Json[] }
}
export interface LogProbe {
  readonly kind: 'log'
  /** Only lines since the workload's last start, or since this check began. */
  readonly since?: 'start' | 'check'
  readonly expect: { readonly lines?: Matcher }
}
export interface ExitProbe {
  readonly kind: 'exit'
  readonly withinMs: number
  readonly expect: { readonly code?: Matcher }
}
export interface FileProbe {
  readonly kind: 'file'
  readonly path: string
  readonly expect: {
    readonly exists: boolean
    readonly mode?: Matcher
    readonly owner?: Matcher
    readonly content?: Matcher
  }
}
export interface InspectProbe {
  readonly kind: 'inspect'
  /** Dotted path into the engine's own record, such as `State.Health.Status`. */
  readonly path: string
  readonly expect: { readonly value?: Matcher }
}
export interface HealthProbe {
  readonly kind: 'health'
  readonly expect: { readonly status: Matcher }
}
export type Probe =
  | HttpProbe
  | TcpProbe
  | ExecProbe
  | SqlProbe
  | RedisProbe
  | LogProbe
  | ExitProbe
  | FileProbe
  | InspectProbe
  | HealthProbe

export interface RestartAction {
  readonly kind: 'restart'
}
/** Sends `signal` to the processes of that name, or to the main process. */
export interface SignalAction {
  readonly kind: 'signal'
  readonly signal: string
  readonly process?: string
}
export interface ParallelAction {
  readonly kind: 'parallel'
  readonly branches: readonly (readonly Step[])[]
}

/** Where a probe runs from. `probe`: through the relay. */
export type Vantage = 'probe' | 'client' | 'container' | 'host'

/** How a value is taken out of a reply, to be used as `{{name}}` later. */
export type Capture =
  | { readonly jsonpath: string }
  | { readonly regex: string }
  | { readonly header: string }
  | { readonly cookie: string }

export interface Step {
  readonly act: Probe | RestartAction | SignalAction | ParallelAction
  /** The need that it is aimed at; absent: the row itself. */
  readonly on?: string
  readonly from: Vantage
  readonly timeoutMs: number
  /** Repeat until it holds or this long has passed. */
  readonly eventuallyMs?: number
  readonly capture: Readonly<Record<string, Capture>>
  readonly at: SourceLocation
}

/** A named assertion. A single-kind check has one step; `kind` says what was written. */
export interface Check {
  readonly name: string
  readonly kind: CheckKind
  readonly steps: readonly Step[]
  readonly at: SourceLocation
}

/** The condition polled until first true, before checks. */
export interface Readiness {
  readonly probe: Probe
  readonly from: Vantage
  readonly deadlineMs: number
  /** A log line that matches ends the wait at once. */
  readonly failOn?: Matcher
  readonly at: SourceLocation
}
