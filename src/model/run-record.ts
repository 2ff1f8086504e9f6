/** The record of a run, schema version 1: what `run.json` holds. */
import type { CheckKind, Json } from './check.ts'
import type { Change } from './comparison.ts'
import type { BuildOutcome, CellOutcome, CheckOutcome, Provenance, Reason, Stage } from './outcome.ts'
import type { Finding } from './plan.ts'
import type { WaiverUse } from './waiver.ts'

/** Whether a run came to its end, still lives in some process, or does neither. */
export type RunState = 'ended' | 'under way' | 'killed'

export interface RunRecord {
  readonly schemaVersion: 1
  readonly id: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly durationMs: number
  readonly tool: { readonly name: string; readonly version: string }
  /** False where the run was killed before it ended. */
  readonly complete: boolean
  /** In views of a run that still lives: what did not end is `not-run`, and not lost. */
  readonly underWay?: true
  readonly outcome: RunOutcome
  /** Null where the run was killed. */
  readonly exitCode: number | null
  /** What makes `fail` an exit code of 1. */
  readonly gate: Gate
  /** The commit of the project; null where it is no working copy of git. */
  readonly source: SourceRecord | null
  /** `part`: only some cells of the project were selected. */
  readonly selection: 'whole' | 'part'
  /** The earlier run that `change` of a cell speaks of; null where there is none. */
  readonly baseline: { readonly run: string; readonly startedAt: string } | null
  /** Cells that the baseline answered and that the project does not have any more. */
  readonly lost: readonly string[]
  readonly waivers: readonly WaiverUse[]
  readonly builds: readonly (BuildRecord & { readonly startMs: number | null })[]
  readonly bases: readonly BaseRecord[]
  readonly stacks: readonly RowRecord[]
  readonly environments: readonly EnvironmentRecord[]
  readonly cells: readonly CellRecord[]
  readonly groups: readonly {
    readonly signature: string
    readonly cause: readonly string[] | null
    readonly cells: readonly string[]
  }[]
  readonly timing: {
    readonly makespanMs: number
    readonly lowerBoundMs: number | null
    readonly buildMs: number
    readonly distributeMs: number
    /** What was sent to engines that lacked it. */
    readonly bytesDistributed: number
    /** How many images registries gave instead, counted on each machine. */
    readonly imagesFetched: number
  }
}
/** `trouble`: nothing failed, but something could not be observed. */
export type RunOutcome = 'pass' | 'fail' | 'trouble' | 'cancelled' | 'unknown'

/** `unwaived`: any failure that no waiver covers; `regressions`: only one that the baseline did not have. */
export type Gate = 'unwaived' | 'regressions'
export interface SourceRecord {
  readonly commit: string
  readonly branch: string | null
  /** Files differ from the commit. */
  readonly dirty: boolean
}

export interface BuildRecord {
  /** The base id of the stack. */
  readonly stack: string
  readonly outcome: BuildOutcome
  /** The step that failed, as the Dockerfile writes it. */
  readonly step: string | null
  readonly message: string | null
  readonly durationMs: number
  readonly cached: boolean
  /** Hashes of evidence blobs: the build's last lines. */
  readonly evidence: readonly EvidenceRef[]
}
/** Which way a base image came. */
export interface BaseRecord {
  readonly reference: string
  readonly how: 'present' | 'pulled' | 'bootstrapped'
  readonly id: string
  readonly message: string
}
export interface RowRecord {
  readonly id: string
  readonly base: string
  readonly title: string
  readonly kind: 'stack' | 'scenario'
  readonly image: ImageRecord | null
}
export interface ImageRecord {
  /** sha256 of the image's config, computed from the exported archive. */
  readonly id: string
  readonly digest: string | null
  readonly platform: string
  readonly sizeBytes: number
}
export interface EnvironmentRecord {
  readonly id: string
  readonly title: string
  readonly engine: EngineRecord | null
  readonly facts: Readonly<Record<string, string | number | boolean>>
  /** Those that answered, more than one of a pool; absent in records of earlier versions, and where none did. */
  readonly engines?: readonly MetEngine[]
}
export interface MetEngine {
  readonly endpoint: string
  /** Absent in records of earlier versions. */
  readonly engine?: EngineRecord
  /** Keys or atoms of constraints that it is known not to enforce. */
  readonly unsupported: readonly string[]
}
export interface EngineRecord {
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  readonly ociRuntime: string
  readonly rootless: boolean
  readonly kernel: string
  readonly cgroup: string
  readonly arch: string
  readonly nodes: number
}
export interface CellRecord {
  readonly id: string
  readonly stack: string
  readonly environment: string
  readonly outcome: CellOutcome
  readonly stage: Stage | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly signature: string | null
  readonly fingerprint: string | null
  readonly image: { readonly id: string } | null
  readonly needs: readonly { readonly stack: string; readonly imageId: string; readonly outcome: CellOutcome }[]
  /** Where its containers ran; empty but on a cluster. */
  readonly placements: readonly PlacementRecord[]
  readonly durationMs: number
  /** Endpoint of the engine that it ran on; null where it did not start. */
  readonly ranOn: string | null
  /** The earlier run whose answer it has, since nothing that it depends on has changed; null where it ran in this one. */
  readonly observedIn: ObservedIn | null
  readonly phases: readonly PhaseRecord[]
  readonly checks: readonly CheckRecord[]
  readonly constraints: readonly ConstraintRecord[]
  readonly findings: readonly Finding[]
  readonly evidence: readonly EvidenceRef[]
  /** What sort of failure it is; null where nobody looked. */
  readonly diagnosis: Diagnosis | null
  readonly causes: readonly CauseRecord[]
  /** How the diagnosis was come by; null where nobody looked. */
  readonly explanation: ExplanationRecord | null
  /** Everything that went wrong, the decisive one included. */
  readonly failures: readonly FailureRecord[]
  /** What kept it from an answer before it was tried again. */
  readonly troubles: readonly TroubleRecord[]
  /** What it answered when it was run again alone. */
  readonly again: readonly AttemptRecord[]
  /** Its answers differ though nothing else does. */
  readonly flaky: boolean
  readonly waiver: WaiverRecord | null
  /** Against the baseline; null where there is none. */
  readonly change: Change | null
  /** Hash of what the project declares for it, without what is only known on an engine. */
  readonly declared: string | null
  /** Only in a view of an earlier run, where its answer does not count any more; never in run.json. */
  readonly stale?: { readonly was: CellRecord; readonly why: string }
}
export interface ObservedIn {
  readonly run: string
  readonly cell: string
  /** Of that run; ISO 8601, UTC. */
  readonly startedAt: string
}
/** `error`: it could not be observed, which no waiver covers. */
export interface FailureRecord {
  readonly kind: 'fail' | 'error'
  readonly stage: Stage
  /** The name of the check; null outside of checks. */
  readonly check: string | null
  readonly reason: Reason
  readonly message: string
  readonly signature: string
}
/** Of the machinery, not of the product. */
export interface TroubleRecord {
  readonly stage: Stage | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly durationMs: number
  /** What was seen of the workload before, and what was kept of it then; absent where nothing was. */
  readonly failures?: readonly FailureRecord[]
  readonly evidence?: readonly EvidenceRef[]
}
export interface AttemptRecord {
  readonly outcome: CellOutcome
  readonly signature: string | null
  readonly durationMs: number
}
export interface PlacementRecord {
  /** Its name on the cell's network. */
  readonly container: string
  readonly machine: string
}
export interface PhaseRecord {
  readonly name: string
  /** From the start of the run. */
  readonly startMs: number
  readonly durationMs: number
}
export interface CheckRecord {
  readonly name: string
  readonly kind: CheckKind
  readonly outcome: CheckOutcome
  readonly reason: Reason | null
  readonly message: string | null
  readonly expected: Json
  readonly actual: Json
  readonly attempts: number
  readonly durationMs: number
  /** `file:line:column` of the declaration. */
  readonly at: string
  readonly evidence: readonly EvidenceRef[]
}
export interface ConstraintRecord {
  /** An atom such as `read_only`, `cap_drop:CHOWN`, `network.egress`. */
  readonly key: string
  readonly value: Json
  readonly provenance: Provenance
  /** What was read back; null where it could not be. */
  readonly observed: Json
  /** Whether what was observed agrees; null where nothing was. */
  readonly agrees: boolean | null
}
/**
 * `constraints`: the causes say which. `engine`: the engine itself. `stack`: it fails with no constraint at all.
 * `flaky`: alone it sometimes passes. `contention`: alone it passes. `unresolved`: none of these could be shown.
 */
export const diagnoses = ['constraints', 'engine', 'stack', 'flaky', 'contention', 'unresolved'] as const
export type Diagnosis = (typeof diagnoses)[number]

/** A smallest set of constraints that makes the cell fail, verified both ways. */
export interface CauseRecord {
  /** Atoms, in the spelling of the cell's own constraints. */
  readonly constraints: readonly string[]
  /** Where an ordinal constraint turns from failing to passing; bytes, milliseconds or plain numbers. */
  readonly threshold: { readonly key: string; readonly failsAt: number; readonly passesAt: number } | null
  /** How sure it is, in words. */
  readonly confidence: string
  /** What shows it. */
  readonly probes: readonly ProbeRecord[]
  readonly remedy: RemedyRecord | null
  readonly reproduction: ReproductionRecord | null
  /** Why there is no reproduction; null where there is one. */
  readonly notReproduced: string | null
}
/** The cell run once more with other constraints. */
export interface ProbeRecord {
  /** What it was to find out, such as `without read_only`. */
  readonly purpose: string
  /** Atoms of the environment that were in force. */
  readonly kept: readonly string[]
  /** Atoms of the environment that were not. */
  readonly lifted: readonly string[]
  /** Ordinal constraints that had another value than the environment's. */
  readonly values: Readonly<Record<string, number>>
  /** `unresolved`: it failed in another way than the cell, or could not be observed. */
  readonly outcome: 'pass' | 'fail' | 'unresolved'
  readonly stage: Stage | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly signature: string | null
  readonly durationMs: number
  /** The cell of this run that answered it already; null where it was run for this. */
  readonly from: string | null
}
export interface RemedyRecord {
  /** Changes to the environment of which each alone ends this cause, the smallest first. */
  readonly relaxations: readonly RelaxationRecord[]
  /** A change to the stack that ends it without one to the environment. */
  readonly patch: {
    /** Relative to the project. */
    readonly file: string
    /** What to lay over the file's own content. */
    readonly yaml: string
    /** Whether the cell passed with it; null where that was not tried. */
    readonly passes: boolean | null
  } | null
}
export interface RelaxationRecord {
  /** In words, such as `lift cap_drop:CHOWN` or `mem_limit: at least 112m`. */
  readonly change: string
  readonly constraints: readonly string[]
  /** Whether the cell passed with it, every other cause lifted; null where that was not tried. */
  readonly passes: boolean | null
}
/** Two commands of the engine's own client: secrets are variables of the shell. */
export interface ReproductionRecord {
  readonly fails: string
  readonly passes: string
  /** What the two need that they do not make themselves, and what is not in them. */
  readonly note: string | null
}
export interface ExplanationRecord {
  /** One sentence. */
  readonly summary: string
  readonly confidence: string
  /** Every probe, in the order in which it was asked. */
  readonly probes: readonly ProbeRecord[]
  readonly durationMs: number
  /** False where the budget ended before the search did. */
  readonly complete: boolean
}
export interface WaiverRecord {
  readonly reason: string
  readonly owner: string
  readonly expires: string
}
/** A blob of the evidence store. `cutBytes`: how much of the original was not kept. */
export interface EvidenceRef {
  readonly name: string
  /** `sha256:` and 64 hex digits; the file is `evidence/<hex>`. */
  readonly hash: string
  readonly sizeBytes: number
  readonly cutBytes: number
  readonly mediaType: string
}
