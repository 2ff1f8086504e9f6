/** What happens during a run, in the order in which it happens: the lines of the journal. */
import type { Baseline } from './comparison.ts'
import type { CellOutcome, Reason, Stage } from './outcome.ts'
import type { Finding } from './plan.ts'
import type {
  AttemptRecord,
  BaseRecord,
  BuildRecord,
  CauseRecord,
  CheckRecord,
  ConstraintRecord,
  Diagnosis,
  EngineRecord,
  EvidenceRef,
  ExplanationRecord,
  FailureRecord,
  Gate,
  ImageRecord,
  MetEngine,
  ObservedIn,
  PhaseRecord,
  PlacementRecord,
  RowRecord,
  RunRecord,
  SourceRecord,
  TroubleRecord,
} from './run-record.ts'
import type { Waiver } from './waiver.ts'

/** Every event carries `atMs`, milliseconds since the start of the run. */
export type RunEvent = { readonly atMs: number } & RunEventBody

export type RunEventBody =
  | RunStarted
  | EngineReady
  | BaseReady
  | BuildStarted
  | BuildFinished
  | ImageReady
  | CellStarted
  | CellPhase
  | CellNeed
  | CellPlaced
  | CellConstraints
  | CellCheck
  | CellFinished
  | CellTriedAgain
  | CellExplained
  | CellAgain
  | RunFinished

/** The plan as far as a reader needs it to know what should have run. */
export interface PlannedRun {
  readonly rows: readonly RowRecord[]
  readonly environments: readonly { readonly id: string; readonly title: string }[]
  readonly cells: readonly PlannedCellRecord[]
  readonly builds: readonly { readonly stack: string }[]
  /** Absent in journals of earlier versions. */
  readonly selection?: 'whole' | 'part'
}
/** First line. */
export interface RunStarted extends PlannedRun {
  readonly type: 'run-started'
  readonly run: string
  readonly startedAt: string
  readonly tool: { readonly name: string; readonly version: string }
  // Journals of earlier versions do not have the rest.
  readonly gate?: Gate
  readonly source?: SourceRecord | null
  readonly baseline?: Baseline | null
  readonly waivers?: readonly Waiver[]
  /** The process that runs it, so that another can tell whether it still does. */
  readonly owner?: string
  /** Which of several parts it is, counted from 1, and what all of them together run. */
  readonly shard?: { readonly index: number; readonly count: number; readonly all: PlannedRun }
}
export interface PlannedCellRecord {
  readonly id: string
  readonly stack: string
  readonly environment: string
  /** The written reason where it is excluded. */
  readonly excluded: string | null
  readonly findings: readonly Finding[]
  /** How long it took when it last ran; null where it never did. */
  readonly expectedMs: number | null
  readonly declared?: string
}
/** The engine of an environment answers. */
export interface EngineReady {
  readonly type: 'engine-ready'
  readonly environment: string
  readonly engine: EngineRecord
  readonly facts: Readonly<Record<string, string | number | boolean>>
  readonly engines?: readonly MetEngine[]
}
export interface BaseReady {
  readonly type: 'base-ready'
  readonly base: BaseRecord
}
export interface BuildStarted {
  readonly type: 'build-started'
  readonly stack: string
}
export interface BuildFinished {
  readonly type: 'build-finished'
  readonly build: BuildRecord
}
/** A row's image is known; cells of the row may start. */
export interface ImageReady {
  readonly type: 'image-ready'
  readonly row: string
  readonly image: ImageRecord
}
export interface CellStarted {
  readonly type: 'cell-started'
  readonly cell: string
  /** Endpoint of the engine that it runs on. */
  readonly engine: string
}
/** A phase of a cell ended. */
export interface CellPhase {
  readonly type: 'cell-phase'
  readonly cell: string
  readonly phase: PhaseRecord
}
export interface CellNeed {
  readonly type: 'cell-need'
  readonly cell: string
  readonly need: { readonly stack: string; readonly imageId: string; readonly outcome: CellOutcome }
}
/** A container of the cell runs on this machine of a cluster. */
export interface CellPlaced {
  readonly type: 'cell-placed'
  readonly cell: string
  readonly placement: PlacementRecord
}
export interface CellConstraints {
  readonly type: 'cell-constraints'
  readonly cell: string
  readonly constraints: readonly ConstraintRecord[]
}
export interface CellCheck {
  readonly type: 'cell-check'
  readonly cell: string
  readonly check: CheckRecord
}
/** The verdict. Checks, constraints, phases and needs are those of the cell's earlier events. */
export interface CellFinished {
  readonly type: 'cell-finished'
  readonly cell: string
  readonly outcome: CellOutcome
  readonly stage: Stage | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly signature: string | null
  readonly fingerprint: string | null
  readonly imageId: string | null
  readonly durationMs: number
  readonly findings: readonly Finding[]
  readonly evidence: readonly EvidenceRef[]
  readonly failures?: readonly FailureRecord[]
  /** It did not run: this is the answer of an earlier run. */
  readonly observedIn?: ObservedIn
}
/** Trouble kept a cell from an answer, and it starts anew. */
export interface CellTriedAgain {
  readonly type: 'cell-tried-again'
  readonly cell: string
  readonly trouble: TroubleRecord
}
/** A cell that failed was run again, alone. */
export interface CellAgain {
  readonly type: 'cell-again'
  readonly cell: string
  readonly attempt: AttemptRecord
}
/** Why a cell fails, found by running it with other constraints. */
export interface CellExplained {
  readonly type: 'cell-explained'
  readonly cell: string
  readonly diagnosis: Diagnosis
  readonly causes: readonly CauseRecord[]
  readonly explanation: ExplanationRecord
}
/** Last line of a run that was not killed. */
export interface RunFinished {
  readonly type: 'run-finished'
  readonly outcome: RunRecord['outcome']
  readonly exitCode: number
  readonly durationMs: number
  readonly timing: RunRecord['timing']
}

/** What is shown while it happens and not kept: the journal never sees it. */
export type Progress =
  | { readonly type: 'build-progress'; readonly stack: string; readonly text: string }
  | { readonly type: 'host-progress'; readonly environment: string | null; readonly text: string }
  | { readonly type: 'cell-stage'; readonly cell: string; readonly stage: Stage }
  /** The search for the cause of a red cell: what is suspected, what has been ruled out. */
  | { readonly type: 'cell-search'; readonly cell: string; readonly text: string }
  /** One run of the cell in that search. */
  | {
      readonly type: 'cell-probe'
      readonly cell: string
      readonly number: number
      readonly purpose: string
      readonly state: 'begins' | 'over'
    }
  | { readonly type: 'notice'; readonly text: string }
