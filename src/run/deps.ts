/** What a run is given: engines, clock, where events and evidence go, and its limits. */
import type { Engine } from '../engines/engine.ts'
import type { LayerStore } from '../images/layer-store.ts'
import type { VerifiedImages } from '../images/verified.ts'
import type { Clock } from '../lib/clock.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { ObservedIn } from '../model/run-record.ts'
import type { Column } from './columns.ts'
import type { RunIdentity } from './labels.ts'
import type { Afterwards } from './trial.ts'

export interface RunDeps {
  /** Builds every image; it is on this machine, or is the one that the user named. */
  readonly builder: Engine
  /** Brings up the engines of an environment. Asked once an environment; rejects with `EngineError` where none can be had. */
  readonly columnOf: (environment: string, signal: AbortSignal) => Promise<readonly Column[]>
  /** What is sent to other engines is kept here. */
  readonly layers: LayerStore
  /** Which images of the builder were verified by earlier runs. */
  readonly verified: VerifiedImages
  readonly clock: Clock
  readonly identity: RunIdentity
  readonly toolVersion: string
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
  readonly evidence: EvidenceSink
  readonly secret: (name: string) => string
  readonly redact: readonly string[]
  /** Ctrl-C. */
  readonly signal: AbortSignal
  /** Cells in flight; null: from the engine's processors. */
  readonly concurrency: number | null
  /** Milliseconds after which what has not ended is `not-run`; null: none. */
  readonly deadlineMs: number | null
  readonly mayBootstrap: boolean
  /** Leave the containers of cells that failed or could not be observed; the next sweep takes them. */
  readonly keepFailed: boolean
  /** The earlier pass of a cell that depends on the same and need not run again; null where it has to run. */
  readonly knownPass: (cell: string, fingerprint: string) => ObservedIn | null
  /** What a cell took when it last ran, so that the longest go first. */
  readonly expectedMs: (cell: string) => number | null
  /** Done once every cell is answered and cleaned up, while the engines are still held. */
  readonly afterwards?: (with_: Afterwards) => Promise<void>
}
