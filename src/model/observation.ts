/** What a probe saw, before anybody judges it. */
import type { Json } from './check.ts'
import type { Reason } from './outcome.ts'

/** `unobserved`: the probe itself could not do its work, so nothing is known about the workload. */
export type Observation =
  | { readonly kind: 'unobserved'; readonly reason: Reason; readonly message: string }
  | HttpObservation
  | TcpObservation
  | ExecObservation
  | SqlObservation
  | RedisObservation
  | LogObservation
  | ExitObservation
  | FileObservation
  | InspectObservation
  | HealthObservation

/** The workload did not give a reply: an observation about it, unlike `unobserved`. */
export interface NoReply {
  readonly reason: 'refused' | 'unreachable' | 'deadline' | 'exited' | 'mismatch'
  readonly message: string
}
export interface HttpObservation {
  readonly kind: 'http'
  readonly noReply: NoReply | null
  readonly status: number
  /** Names in lower case; values of repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Name → value of the cookies that this reply set. */
  readonly cookies: Readonly<Record<string, string>>
  /** At most 1 MiB. */
  readonly body: string
  readonly bodyBytes: number
  /** How much of the body's end was not kept. */
  readonly cutBytes: number
  readonly durationMs: number
}
export interface TcpObservation {
  readonly kind: 'tcp'
  readonly connected: boolean
  readonly noReply: NoReply | null
  readonly banner: string
  /** How much of what came was not kept, at least. */
  readonly cutBytes: number
}
export interface ExecObservation {
  readonly kind: 'exec'
  readonly noReply: NoReply | null
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** How much of each end was not kept. */
  readonly cutBytes: { readonly stdout: number; readonly stderr: number }
}
export interface SqlObservation {
  readonly kind: 'sql'
  readonly noReply: NoReply | null
  readonly rows: readonly Json[]
  /** Of all rows. */
  readonly rowCount: number
  /** How many of the last rows were not kept. */
  readonly cutRows: number
  readonly sqlstate: string | null
  readonly message: string | null
}
export interface RedisObservation {
  readonly kind: 'redis'
  readonly noReply: NoReply | null
  readonly replies: readonly Json[]
}
export interface LogObservation {
  readonly kind: 'log'
  readonly lines: readonly string[]
  /** There were lines before these that were not kept. */
  readonly earlierCut: boolean
  /** Indexes of the lines whose ends were not kept. */
  readonly cutLines: readonly number[]
}
/** `code` null: it had not ended in time. */
export interface ExitObservation {
  readonly kind: 'exit'
  readonly code: number | null
  readonly oomKilled: boolean
}
export interface FileObservation {
  readonly kind: 'file'
  readonly exists: boolean
  /** Four octal digits, such as `0644`. */
  readonly mode: string | null
  /** `uid:gid` */
  readonly owner: string | null
  readonly content: string | null
  /** How much of the content's end was not kept. */
  readonly cutBytes: number
}
export interface InspectObservation {
  readonly kind: 'inspect'
  /** Undefined where the record has no such field. */
  readonly value: Json | undefined
}
export interface HealthObservation {
  readonly kind: 'health'
  /** Null where the image declares no health check. */
  readonly status: string | null
}
