/** What a run is going to do: cells, builds, and what each container is really started with. */
import type { Check, Readiness } from './check.ts'
import type { Constraints, NetworkPolicy } from './constraint.ts'
import type { Environment, ImageSource, Project, Row } from './project.ts'

export interface Plan {
  readonly project: Project
  /** The rows and columns that the selection shows, in the order of the matrix. */
  readonly rows: readonly Row[]
  readonly environments: readonly Environment[]
  readonly cells: readonly PlannedCell[]
  /** One for each distinct image source that a planned cell or its needs run. */
  readonly builds: readonly PlannedBuild[]
}

export type PlannedCell = RunnableCell | ExcludedCell
export interface ExcludedCell {
  readonly kind: 'excluded'
  readonly id: string
  readonly row: string
  readonly environment: string
  readonly reason: string
}
export interface RunnableCell {
  readonly kind: 'run'
  /** `row@environment`. */
  readonly id: string
  readonly row: string
  readonly environment: string
  /** The containers of the cell, needs before those that need them; the row itself last, unless it is a scenario. */
  readonly copies: readonly Copy[]
  readonly checks: readonly Check[]
  readonly network: NetworkPolicy
  readonly contract: Environment['contract']
  readonly timeScale: number
  readonly required: readonly string[]
  /** Constraint atoms that the engine is known not to enforce. */
  readonly unsupported: readonly string[]
  readonly findings: readonly Finding[]
  readonly exclusive: boolean
}

/** One container that a cell starts: the workload, or a stack that it needs. */
export interface Copy {
  readonly role: 'workload' | 'need'
  /** Its host name on the cell's network. */
  readonly alias: string
  readonly row: string
  /** Key of the build or image that it runs. */
  readonly buildKey: string
  readonly config: EffectiveConfig
  readonly readiness?: Readiness
  /** Aliases of the copies that must be ready before this one starts. */
  readonly after: readonly string[]
}

/** What a container is started with once the stack's asks and the environment's constraints are merged. */
export interface EffectiveConfig {
  readonly constraints: Constraints
  readonly volumes: readonly { readonly name: string | null; readonly target: string }[]
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly workingDir?: string
  /** Port name → number that the workload must listen on. */
  readonly ports: Readonly<Record<string, number>>
  /** One of the ports takes datagrams. */
  readonly takesDatagrams?: true
  readonly environment: Readonly<Record<string, string | { readonly secret: string }>>
  readonly findings: readonly Finding[]
}

/** A remark on a cell that is not an outcome, such as a refused ask. */
export interface Finding {
  readonly code: string
  readonly message: string
}

export interface PlannedBuild {
  /** Content key of the image source; the same for rows that share it. */
  readonly key: string
  readonly source: ImageSource
  /** The rows that run it. */
  readonly rows: readonly string[]
}
