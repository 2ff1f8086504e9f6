/** The record of a run, schema version 1: what `run.json` holds. */
import type { CheckKind, Json } from './check.ts'
import type { BuildOutcome, CellOutcome, CheckOutcome, Provenance, Reason, Stage } from './outcome.ts'
import type { Finding } from './plan.ts'

export interface RunRecord {
  readonly schemaVersion: 1
  readonly id: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly durationMs: number
  readonly tool: { readonly name: string; readonly version: string }
  /** False where the run was killed before it ended. */
  readonly complete: boolean
  readonly outcome: RunOutcome
  /** Null where the run was killed. */
  readonly exitCode: number | null
  readonly builds: readonly BuildRecord[]
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
    readonly bytesDistributed: number
  }
}
/** `trouble`: nothing failed, but something could not be observed. */
export type RunOutcome = 'pass' | 'fail' | 'trouble' | 'cancelled' | 'unknown'

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
  readonly durationMs: number
  readonly observedIn: { readonly run: string; readonly cell: string } | null
  readonly phases: readonly PhaseRecord[]
  readonly checks: readonly CheckRecord[]
  readonly constraints: readonly ConstraintRecord[]
  readonly findings: readonly Finding[]
  readonly evidence: readonly EvidenceRef[]
  readonly diagnosis: 'constraints' | 'engine' | 'stack' | 'flaky' | 'contention' | 'unresolved' | null
  readonly causes: readonly CauseRecord[]
  readonly flaky: boolean
  readonly waiver: WaiverRecord | null
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
export interface CauseRecord {
  readonly constraints: readonly string[]
  readonly threshold: { readonly key: string; readonly failsAt: number; readonly passesAt: number } | null
  readonly confidence: string
  readonly probes: readonly Json[]
  readonly remedy: string | null
  readonly reproduction: string | null
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
