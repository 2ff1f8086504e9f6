/** What the user declared: the project, its rows and its columns, validated and with defaults filled in. */
import type { Check, Readiness } from './check.ts'
import type { Constraints, NetworkPolicy } from './constraint.ts'
import type { SourceLocation } from './diagnostic.ts'
import type { Waiver } from './waiver.ts'

export interface Project {
  /** Absolute path of the folder that holds `matrix.yaml`, `stacks` and `environments`. */
  readonly root: string
  /** Names this project in labels; derived from the root, so that two checkouts do not sweep each other. */
  readonly id: string
  readonly rows: readonly Row[]
  readonly environments: readonly Environment[]
  readonly exclusions: readonly Exclusion[]
  readonly secrets: Readonly<Record<string, SecretSource>>
  /** Where images are handed over, beside environments that have one of their own; null: they are sent. */
  readonly registry: Registry | null
  /** Image reference → how to make it where no registry answers. */
  readonly bases: Readonly<Record<string, BaseRecipe>>
  readonly waivers: readonly Waiver[]
  readonly history: HistorySettings
  /** Who is told what changed in a night. */
  readonly notify: readonly NotifyTarget[]
}

/** A command gets what changed on its standard input, a webhook as the body of a POST. */
export type NotifyTarget =
  | { readonly kind: 'command'; readonly command: readonly string[] }
  | { readonly kind: 'webhook'; readonly url: string | { readonly secret: string } }

export interface HistorySettings {
  /** How many run folders stay. */
  readonly reports: number
  /** Of how many runs the lines stay. */
  readonly runs: number
  /** After this long an answer counts as unknown again; null: never. */
  readonly maxAgeMs: number | null
}

export interface Exclusion {
  /** A row id, or the base id of all its variants. */
  readonly stack: string
  readonly environment: string
  readonly reason: string
}
export type SecretSource = { readonly env: string } | { readonly file: string }
export interface BaseRecipe {
  readonly bootstrap: { readonly distribution: 'debian'; readonly suite: string; readonly include?: readonly string[] }
}

/** Where images are handed over to the engines that reach it. */
export interface Registry {
  /** `host[:port]`, and what stands before each repository's name: `registry.example.com:5000/team`. */
  readonly address: string
  readonly login?: { readonly username: string; readonly password: { readonly secret: string } }
  /** Absolute path of the certificates (PEM) that sign the registry's own; hosts that Matrix makes come to trust them. */
  readonly authority?: string
}

/** One row of the matrix, variants expanded. */
export type Row = StackRow | ScenarioRow

interface RowCommon {
  readonly id: string
  /** The id of the stack that this row is a variant of; its own id where it has no variants. */
  readonly base: string
  readonly title: string
  /** In the order declared. */
  readonly needs: readonly Need[]
  readonly checks: readonly Check[]
  readonly exclusive: boolean
  readonly at: SourceLocation
}
export interface StackRow extends RowCommon {
  readonly kind: 'stack'
  readonly image: ImageSource
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly workingDir?: string
  readonly ports: Readonly<Record<string, Port>>
  readonly environment: Readonly<Record<string, string | { readonly secret: string }>>
  readonly service: ServiceAsk
  readonly readiness?: Readiness
}
export interface ScenarioRow extends RowCommon {
  readonly kind: 'scenario'
}

/** `alias` is the host name in the cell's network, `row` the stack row behind it. */
export interface Need {
  readonly alias: string
  readonly row: string
}
export interface Port {
  readonly port: number
  /** The variable that tells the workload its port. */
  readonly env?: string
  readonly protocol: 'tcp' | 'udp'
}
export type ImageSource =
  | { readonly kind: 'image'; readonly reference: string }
  | {
      readonly kind: 'build'
      /** Absolute. */
      readonly context: string
      /** Relative to the context. */
      readonly dockerfile: string
      readonly args: Readonly<Record<string, string>>
      readonly target?: string
    }

/** What a stack asks of any environment: constraints as asks, and fresh volumes. */
export interface ServiceAsk {
  readonly constraints: Constraints
  /** `name` is null for an anonymous volume. */
  readonly volumes: readonly { readonly name: string | null; readonly target: string }[]
}

/** One column of the matrix. */
export interface Environment {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly engine: EngineChoice
  /** Instead of the project's. */
  readonly registry?: Registry
  readonly constraints: Constraints
  readonly allow: { readonly cap_add: readonly string[] }
  readonly required: readonly string[]
  /** The most memory that a stack may ask for, and what one gets that asks for none; without that the most. In bytes. */
  readonly sells: { readonly mem_max?: number; readonly mem_default?: number }
  readonly network: NetworkPolicy
  readonly contract: Contract
  readonly timeScale: number
  readonly at: SourceLocation
}
export type EngineChoice =
  | { readonly kind: 'default' }
  | { readonly kind: 'connect'; readonly endpoint: string }
  | { readonly kind: 'provision'; readonly spec: HostSpec }
  | { readonly kind: 'pool'; readonly endpoints: readonly string[] }

/** A Debian release, which also says which release of an engine its packages hold. */
export type DebianRelease = 'bullseye' | 'bookworm' | 'trixie'
/** A host that Matrix provisions. */
export type HostSpec = NestedSpec | PublishedSpec | SwarmSpec | VmSpec
/** An engine of another release, in a container of a local engine. */
export interface NestedSpec {
  readonly kind: 'nested'
  readonly engine: 'docker' | 'podman'
  readonly release: DebianRelease
  readonly rootless: boolean
  /** The OCI runtime that containers get where it is not the engine's own. */
  readonly runtime?: 'runsc'
}
/** A Docker Engine in a container of a local engine too, of an image that somebody publishes, such as `docker:26-dind`. */
export interface PublishedSpec {
  readonly kind: 'published'
  readonly image: string
}
/** Nested Docker engines that form one cluster; the first is its manager. */
export interface SwarmSpec {
  readonly kind: 'swarm'
  readonly release: DebianRelease
  readonly nodes: number
}
/** A machine with a kernel of its own and Docker on it, reached by ssh. */
export interface VmSpec {
  readonly kind: 'vm'
  readonly release: DebianRelease
  readonly cpus: number
  readonly memoryBytes: number
  readonly diskBytes: number
}

/** What an environment expects and Matrix tests; an absent member is not tested. */
export interface Contract {
  readonly readyWithinMs?: number
  readonly staysUpMs?: number
  readonly stopsWithinMs?: number
  readonly port?: number
}
