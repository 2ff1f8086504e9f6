/** A host that Matrix provisions: what can be asked of every kind of one. */
import type { Engine, EngineAccess } from '../engines/engine.ts'
import type { HostSpec } from '../model/project.ts'
import type { RegistryAuthority } from './authorities.ts'
import type { HostProblem } from './problem.ts'

export interface HostRequest<Spec extends HostSpec = HostSpec> {
  readonly spec: Spec
  /** Names the host within the project; the same spec gives the same name, so that later runs find it again. */
  readonly name: string
  /** `matrix.project`. */
  readonly project: string
  /** `matrix.owner`: the process that brings it up. */
  readonly owner: string
  /** The engine on this machine in which nested hosts are containers. */
  readonly local: Engine
  /** Opens an engine that is reached by more than a local socket. */
  readonly connect: (endpoint: string, access: EngineAccess) => Engine
  /** Folder on this machine for the host's sockets, keys and disks: its own, made by whoever needs it. */
  readonly folder: string
  /** A network of the local engine that it is on, as a node of a cluster is; absent: the engine's own. */
  readonly network?: { readonly kind: 'network'; readonly id: string; readonly aliases: readonly string[] }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whom its engine trusts beside those that Debian does; absent: whom it trusted before. */
  readonly authorities?: readonly RegistryAuthority[]
  /** May install packages on this machine. */
  readonly mayInstall: boolean
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** How its engine is reached. */
export type HostAccess =
  | { readonly kind: 'engine'; readonly endpoint: string; readonly access?: EngineAccess }
  /** The first node is a manager. */
  | { readonly kind: 'swarm'; readonly nodes: readonly { readonly name: string; readonly endpoint: string }[] }

export type HostUp =
  | {
      readonly ok: true
      readonly access: HostAccess
      /** False where it ran already and was well. */
      readonly started: boolean
      /** Its processors are emulated, and do a fraction of what this machine's do. */
      readonly emulated?: boolean
    }
  | { readonly ok: false; readonly problem: HostProblem }

/** `message`: in words, such as `Docker 20.10.5, up for 3 h`. */
export type HostStatus =
  | { readonly state: 'up'; readonly access: HostAccess; readonly message: string }
  | { readonly state: 'sick' | 'down' | 'absent' | 'unknown'; readonly message: string }

/** Of one that no run needed yet. */
export const neverMade: HostStatus = { state: 'absent', message: 'a run that needs it brings it up' }

/** One kind of host. No method but `runs`, which asks an engine, rejects but with the signal's reason or a defect. */
export interface HostKind<Spec extends HostSpec = HostSpec> {
  /** Finds it, mends it, or makes it, and resolves once its engine answers. */
  up(request: HostRequest<Spec>): Promise<HostUp>
  status(request: HostRequest<Spec>): Promise<HostStatus>
  /** Whether it takes its memory already, well or not; cheaper than its status. */
  runs(request: HostRequest<Spec>): Promise<boolean>
  /** Stops it; with `purge` nothing of it is left. One that is not there is no error. */
  down(request: HostRequest<Spec>, options: { readonly purge: boolean }): Promise<HostProblem | null>
}
