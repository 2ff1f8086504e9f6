/**
 * The port to a container engine: everything Matrix asks of one, with no vendor's types in it.
 *
 * Methods reject with `EngineError` for every expected failure, and with `signal.reason` when cancelled.
 * Nothing here assumes that the engine is on this machine.
 */
import type { Duplex, Readable } from 'node:stream'
import { oneLine } from '../lib/printable.ts'
import type { Constraints } from '../model/constraint.ts'
import type { EngineRecord } from '../model/run-record.ts'

export type EngineErrorCode =
  | 'unreachable' // no answer, or the connection broke
  | 'not-found'
  | 'conflict' // the name is taken, or the object is in use
  | 'rejected' // the engine refused the request: 4xx
  | 'failed' // the engine tried and could not: 5xx
  | 'build-step' // a step of the Dockerfile exited non-zero
  | 'no-image' // the reference is neither present nor pullable
  | 'no-registry' // the registry does not answer, or does not take what it is given
  | 'node-lost' // a machine of a cluster does not answer, or was taken out of service

export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  /** What to do next, where there is something. */
  readonly hint: string | undefined
  constructor(
    code: EngineErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** What went wrong, and what to do next where that is known; the advice is kept where the words are too many. */
export function told(error: unknown, max: number): string {
  const message = oneLine(error instanceof Error ? error.message : String(error), max)
  const hint = error instanceof EngineError ? error.hint : undefined
  return hint === undefined ? message : `${message.replace(/\.$/, '')}. ${oneLine(hint, max)}`
}

export interface CallOptions {
  readonly signal: AbortSignal
}

export type Labels = Readonly<Record<string, string>>
export type ResourceKind = 'container' | 'network' | 'volume' | 'image'
export interface Resource {
  readonly kind: ResourceKind
  readonly id: string
  readonly name: string
  readonly labels: Labels
}

export interface Engine extends AsyncDisposable {
  /** How it is reached, such as `unix:///run/x.sock`; never holds a credential. */
  readonly endpoint: string

  facts(options: CallOptions): Promise<EngineFacts>
  readonly images: Images
  readonly networks: {
    create(spec: NetworkSpec, options: CallOptions): Promise<{ readonly id: string }>
    /** Its address ranges, such as `172.18.0.0/16`. */
    subnets(id: string, options: CallOptions): Promise<readonly string[]>
    /** Puts a container on a further network, where it is found by these names. */
    connect(
      id: string,
      container: string,
      options: CallOptions & { readonly aliases: readonly string[] },
    ): Promise<void>
    /** One that is gone already is no error. */
    remove(id: string, options: CallOptions): Promise<void>
  }
  readonly volumes: {
    create(spec: { readonly name: string; readonly labels: Labels }, options: CallOptions): Promise<void>
    /** One that is gone already is no error. */
    remove(name: string, options: CallOptions): Promise<void>
  }
  readonly containers: Containers
  /** The machines that it runs containers on: one, but for a cluster. */
  hosts(options: CallOptions): Promise<readonly EngineHost[]>
  /** Where a container runs. Rejects with `node-lost` where that machine has gone away from its cluster. */
  hostOf(containerId: string, options: CallOptions): Promise<EngineHost>
  /** Objects that carry all of these labels. `''` as a value asks only that the label is there. */
  list(kind: ResourceKind, labels: Labels, options: CallOptions): Promise<readonly Resource[]>
  /** Events of containers with these labels, from the moment the promise resolves until `signal` aborts. */
  watch(labels: Labels, options: CallOptions): Promise<AsyncIterable<ContainerEvent>>
}

/** One machine, for what has to be done on it and not just anywhere in a cluster, such as entering a namespace. */
export interface EngineHost {
  /** Its name in its cluster; null where the engine has one machine only. */
  readonly name: string | null
  /** What runs containers on this machine alone; where there is one machine, the engine itself. */
  readonly engine: Engine
}

/** What opens the way to an engine beside its endpoint: names of files and sockets only, so that it may be passed around. */
export interface EngineAccess {
  /** Holds `ca.pem`, `cert.pem` and `key.pem`. Absent: a `tcp://` endpoint is spoken to without TLS. */
  readonly tlsFolder?: string
  readonly ssh?: SshAccess
}
export interface SshAccess {
  /** Private keys, tried in this order; missing ones are passed over. */
  readonly identityFiles: readonly string[]
  readonly knownHostsFiles: readonly string[]
  /** Socket of an agent, which is asked first. */
  readonly agentSocket?: string
}

export interface EngineFacts extends EngineRecord {
  readonly memoryBytes: number
  readonly cpus: number
  readonly storageDriver: string
  /** The folder that its data is in, and the machine that this is a path on, as it names itself; null where it does not tell. */
  readonly dataRoot: { readonly machine: string; readonly path: string } | null
  /** Names the store of its images: another engine's is another; null where that cannot be told. */
  readonly dataId: string | null
  readonly securityOptions: readonly string[]
  /** Keys or atoms of constraints that this engine is known not to enforce. */
  readonly unsupported: ReadonlySet<string>
}

export interface Images {
  /** Null where the reference is not there. */
  inspect(reference: string, options: CallOptions): Promise<ImageFacts | null>
  /** Rejects with `no-image` where no registry gives it. */
  pull(reference: string, options: TransferOptions): Promise<ImageFacts>
  /**
   * Gives an image to a registry under a reference such as `registry.example.com/team/web:latest`, which stays no name of
   * it in the engine. The digest (`sha256:…`) is what the registry has it under. Rejects with `no-registry`.
   */
  push(id: string, options: TransferOptions & { readonly reference: string }): Promise<{ readonly digest: string }>
  /** Makes an image of one layer from a root file system (a tar stream). */
  importRoot(
    root: Readable,
    options: CallOptions & {
      readonly reference: string
      readonly command?: readonly string[]
      readonly labels?: Labels
    },
  ): Promise<ImageFacts>
  build(
    request: BuildRequest,
    options: CallOptions & { readonly onProgress?: (text: string) => void },
  ): Promise<BuildResult>
  /** The image as a `docker save` archive. */
  save(id: string, options: CallOptions): Promise<Readable>
  load(archive: Readable, options: CallOptions): Promise<void>
  remove(reference: string, options: CallOptions): Promise<void>
}
export interface TransferOptions extends CallOptions {
  readonly login?: RegistryLogin
  /** What the engine says of it, layer by layer. */
  readonly onProgress?: (text: string) => void
}
export interface RegistryLogin {
  /** `host[:port]` of the registry. */
  readonly server: string
  readonly username: string
  readonly password: string
}
export interface ImageFacts {
  /** `sha256:` and 64 hex digits: the hash of the image's config. */
  readonly id: string
  readonly digest: string | null
  /** `linux/amd64` */
  readonly platform: string
  readonly sizeBytes: number
  readonly layers: readonly string[]
  readonly user: string
  readonly environment: Readonly<Record<string, string>>
  /** TCP ports that the image exposes. */
  readonly volumes: readonly string[]
  readonly labels: Labels
}
export interface BuildRequest {
  /** A tar stream of the context, the Dockerfile included. */
  readonly context: Readable
  /** Path inside the context. */
  readonly dockerfile: string
  readonly args: Readonly<Record<string, string>>
  readonly target?: string
  readonly tag: string
  readonly labels: Labels
  readonly platform?: string
}
export interface BuildResult {
  readonly image: ImageFacts
  /** Every step came from the cache. */
  readonly cached: boolean
  /** The last lines that the build printed, at most 64 KiB. */
  readonly log: string
}
/** Carried by an `EngineError` of code `build-step` as its `cause`. */
export interface BuildStepFailure {
  readonly step: string
  readonly exitCode: number | null
  readonly log: string
}

export interface NetworkSpec {
  readonly name: string
  readonly labels: Labels
  /** No way out. */
  readonly internal: boolean
  readonly mtu?: number
  /** The range from which containers also get an IPv6 address; none without it. */
  readonly ipv6Subnet?: string
}

export interface ContainerSpec {
  readonly name: string
  readonly image: string
  readonly labels: Labels
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly workingDir?: string
  readonly environment: Readonly<Record<string, string>>
  /** Under compose-spec names, values parsed; `environment` in it is ignored in favour of the field above. */
  readonly constraints: Constraints
  readonly network:
    | { readonly kind: 'none' }
    | { readonly kind: 'host' }
    /** The engine's own default network. */
    | { readonly kind: 'bridge' }
    | { readonly kind: 'network'; readonly id: string; readonly aliases: readonly string[] }
    | { readonly kind: 'container'; readonly id: string }
  /** `name` null: an anonymous volume, removed with the container. */
  readonly volumes: readonly { readonly name: string | null; readonly target: string }[]
  /** For helpers of Matrix's own: the engine's host's process ids. */
  readonly hostPid?: boolean
  /** For hosts of Matrix's own, on this machine only: what an engine inside the container needs of the machine. */
  readonly host?: HostPrivileges
  readonly openStdin?: boolean
  /** Containers that a cluster keeps on other machines than this one, as far as it has others. */
  readonly apartFrom?: readonly string[]
}

/** Nothing of `/proc` and `/sys` is masked, and the machine's control groups are seen whole and can be written. */
export interface HostPrivileges {
  readonly binds: readonly { readonly source: string; readonly target: string }[]
  /** Paths such as `/dev/fuse`; the same inside. */
  readonly devices: readonly string[]
  readonly cgroupNamespace: 'host' | 'private'
}

export interface Containers {
  create(
    spec: ContainerSpec,
    options: CallOptions,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>
  start(id: string, options: CallOptions): Promise<void>
  inspect(id: string, options: CallOptions): Promise<ContainerState>
  /** Sends the stop signal; the engine kills after `graceMs`. Resolves when it has ended. */
  stop(id: string, options: CallOptions & { readonly graceMs: number; readonly stopSignal?: string }): Promise<void>
  kill(id: string, options: CallOptions & { readonly killSignal: string }): Promise<void>
  restart(id: string, options: CallOptions & { readonly graceMs: number }): Promise<void>
  /** By force, its anonymous volumes too. A container that is gone already is no error. */
  remove(id: string, options: CallOptions): Promise<void>
  /** Runs to its end. Output beyond `maxBytes` a stream is counted, not kept. */
  exec(id: string, spec: ExecSpec, options: CallOptions): Promise<ExecResult>
  /** A process whose stdin and stdout are the two directions of the stream; stderr is dropped. */
  connect(id: string, command: readonly string[], options: CallOptions): Promise<Duplex>
  /** A process with a terminal of its own. */
  terminal(id: string, spec: TerminalSpec, options: CallOptions): Promise<Terminal>
  logs(
    id: string,
    options: CallOptions & { readonly tail?: number; readonly sinceMs?: number; readonly maxBytes: number },
  ): Promise<ContainerLogs>
  /** Lines as they come, until the container ends or `signal` aborts. */
  followLogs(id: string, options: CallOptions): Promise<AsyncIterable<LogLine>>
  /** One file out of the container's file system; null where it does not exist. Works on a stopped one. */
  readFile(id: string, path: string, options: CallOptions & { readonly maxBytes: number }): Promise<FileFacts | null>
  /** The variables that the engine starts its main process with. They may be secrets: kept nowhere, and in no record. */
  environment(id: string, options: CallOptions): Promise<Readonly<Record<string, string>>>
  /** Peak memory in bytes, or null where the engine does not tell. */
  peakMemory(id: string, options: CallOptions): Promise<number | null>
}
export interface ExecSpec {
  readonly command: readonly string[]
  readonly user?: string
  readonly workdir?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly maxBytes: number
}
export interface TerminalSpec {
  readonly command: readonly string[]
  /** Size in characters. */
  readonly columns: number
  readonly rows: number
  /** What `TERM` is inside, such as `xterm-256color`. */
  readonly type: string
}
export interface Terminal {
  /** What is written is typed; what is read is shown. Ends with the process. */
  readonly stream: Duplex
  resize(size: Pick<TerminalSpec, 'columns' | 'rows'>): Promise<void>
  /** Asked once the stream has ended. */
  exitCode(): Promise<number>
}
export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** How much of the end of each was not kept. */
  readonly cutBytes: { readonly stdout: number; readonly stderr: number }
}
export interface ContainerState {
  readonly id: string
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead'
  /** Process id on the engine's host; 0 where it is not running. */
  readonly pid: number
  readonly exitCode: number | null
  readonly oomKilled: boolean
  readonly restarts: number
  readonly error: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  /** Addresses on its networks, of each network the IPv4 one first; empty where there is none. */
  readonly addresses: readonly string[]
  /** The machine of a cluster that it runs on; null where the engine has one machine only. */
  readonly node: string | null
  /** What the engine says it applied, flattened by constraint key: it is a claim, not an observation. */
  readonly claims: Readonly<Record<string, unknown>>
  /** The engine's own record, for the `inspect` check and for evidence; environment values are not in it. */
  readonly raw: Readonly<Record<string, unknown>>
}
export interface LogLine {
  /** ISO 8601, or null where the engine gave none. */
  readonly at: string | null
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
  /** How many characters of its end were not kept; absent where it is whole. */
  readonly cutChars?: number
}
export interface ContainerLogs {
  readonly lines: readonly LogLine[]
  /** How much of the log was not kept: lines before these, and ends of lines. */
  readonly cutBytes: number
}
export interface FileFacts {
  readonly path: string
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  /** Permission bits, such as 0o644. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly content: string | null
}
export interface ContainerEvent {
  readonly container: string
  readonly labels: Labels
  /** `lost`: its machine has gone away from its cluster, so that nothing more is heard of it. */
  readonly action: 'start' | 'die' | 'oom' | 'health' | 'restart' | 'destroy' | 'lost'
  readonly exitCode: number | null
  readonly health: 'healthy' | 'unhealthy' | null
}
