/** The schema of run.json, version 1. Readers must allow members that are not in it: more may be added. */
import { z } from 'zod'
import type { Json } from '../model/check.ts'
import { changes } from '../model/comparison.ts'
import { cellOutcomes, reasons, stages } from '../model/outcome.ts'
import { diagnoses, type RunRecord } from '../model/run-record.ts'

const json: z.ZodType<Json> = z.json()
const ms = z.number().min(0).describe('milliseconds')
const bytes = z.number().int().min(0)
const cellOutcome = z.enum(cellOutcomes)
const stage = z.enum(stages)
const reason = z.enum(reasons)
const signature = z.string().regex(/^s1:[0-9a-f]{12}$/)
const imageId = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const finding = z.object({ code: z.string(), message: z.string() })
const evidence = z.object({
  name: z.string(),
  hash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .describe('the blob is evidence/<hex>'),
  sizeBytes: bytes.describe('0: not kept, because a limit was reached'),
  cutBytes: bytes,
  mediaType: z.string(),
})

const build = z.object({
  stack: z.string(),
  outcome: z.enum(['pass', 'fail', 'error', 'cancelled']),
  step: z.string().nullable(),
  message: z.string().nullable(),
  durationMs: ms,
  cached: z.boolean(),
  evidence: z.array(evidence),
  startMs: ms.nullable(),
})

const engine = z.object({
  name: z.string(),
  version: z.string(),
  apiVersion: z.string(),
  ociRuntime: z.string(),
  rootless: z.boolean(),
  kernel: z.string(),
  cgroup: z.string(),
  arch: z.string(),
  nodes: z.number().int(),
})

const check = z.object({
  name: z.string(),
  kind: z.enum(['http', 'tcp', 'exec', 'sql', 'redis', 'log', 'exit', 'file', 'inspect', 'health', 'steps']),
  outcome: z.enum(['pass', 'fail', 'error', 'not-run']),
  reason: reason.nullable(),
  message: z.string().nullable(),
  expected: json,
  actual: json,
  attempts: z.number().int().min(0),
  durationMs: ms,
  at: z.string().describe('file:line:column of the declaration'),
  evidence: z.array(evidence),
})

const constraint = z.object({
  key: z.string(),
  value: json,
  provenance: z.enum(['enforced', 'emulated', 'asserted', 'unsupported']),
  observed: json,
  agrees: z.boolean().nullable(),
})

const atoms = z.array(z.string())
const probe = z.object({
  purpose: z.string(),
  kept: atoms.describe('constraints of the environment that were in force'),
  lifted: atoms.describe('constraints of the environment that were not'),
  values: z.record(z.string(), z.number()).describe('ordinal constraints that had another value'),
  outcome: z.enum(['pass', 'fail', 'unresolved']),
  stage: stage.nullable(),
  reason: reason.nullable(),
  message: z.string().nullable(),
  signature: signature.nullable(),
  durationMs: ms,
  from: z.string().nullable().describe('the cell that had answered it already'),
})
const cause = z.object({
  constraints: atoms,
  threshold: z.object({ key: z.string(), failsAt: z.number(), passesAt: z.number() }).nullable(),
  confidence: z.string(),
  probes: z.array(probe),
  remedy: z
    .object({
      relaxations: z.array(z.object({ change: z.string(), constraints: atoms, passes: z.boolean().nullable() })),
      patch: z.object({ file: z.string(), yaml: z.string(), passes: z.boolean().nullable() }).nullable(),
    })
    .nullable(),
  reproduction: z.object({ fails: z.string(), passes: z.string(), note: z.string().nullable() }).nullable(),
  notReproduced: z.string().nullable().describe('why there is no reproduction'),
})

const failure = z.object({
  kind: z.enum(['fail', 'error']),
  stage,
  check: z.string().nullable(),
  reason,
  message: z.string(),
  signature,
})

const cell = z.object({
  id: z.string().describe('stack@environment'),
  stack: z.string(),
  environment: z.string(),
  outcome: cellOutcome,
  stage: stage.nullable(),
  reason: reason.nullable(),
  message: z.string().nullable(),
  signature: signature.nullable(),
  fingerprint: z
    .string()
    .regex(/^f1:[0-9a-f]{64}$/)
    .nullable(),
  image: z.object({ id: imageId }).nullable(),
  needs: z.array(z.object({ stack: z.string(), imageId, outcome: cellOutcome })),
  placements: z.array(z.object({ container: z.string(), machine: z.string() })).describe('on a cluster only'),
  durationMs: ms,
  ranOn: z.string().nullable().describe('endpoint of the engine that it ran on'),
  observedIn: z.object({ run: z.string(), cell: z.string(), startedAt: z.string() }).nullable(),
  phases: z.array(z.object({ name: z.string(), startMs: ms, durationMs: ms })),
  checks: z.array(check),
  constraints: z.array(constraint),
  findings: z.array(finding),
  evidence: z.array(evidence),
  diagnosis: z.enum(diagnoses).nullable(),
  causes: z.array(cause),
  explanation: z
    .object({
      summary: z.string(),
      confidence: z.string(),
      probes: z.array(probe),
      durationMs: ms,
      complete: z.boolean().describe('false where the budget ended before the search did'),
    })
    .nullable(),
  failures: z.array(failure),
  troubles: z
    .array(
      z.object({
        stage: stage.nullable(),
        reason: reason.nullable(),
        message: z.string().nullable(),
        durationMs: ms,
        failures: z.array(failure).exactOptional().describe('what was seen of the workload before'),
        evidence: z.array(evidence).exactOptional(),
      }),
    )
    .describe('what kept it from an answer before it was tried again'),
  again: z.array(z.object({ outcome: cellOutcome, signature: signature.nullable(), durationMs: ms })),
  flaky: z.boolean(),
  waiver: z.object({ reason: z.string(), owner: z.string(), expires: z.string() }).nullable(),
  change: z.enum(changes).nullable().describe('against the baseline'),
  declared: z.string().nullable(),
})

const waiver = z.object({
  match: z.object({
    stack: z.string(),
    environment: z.string(),
    check: z.string().exactOptional(),
    signature,
  }),
  reason: z.string(),
  owner: z.string(),
  issue: z.string().nullable(),
  created: z.string(),
  expires: z.string(),
  at: z.string().describe('file:line:column of the declaration'),
  state: z.enum(['used', 'passing', 'other-failure', 'unobserved', 'ended', 'absent']),
  daysLeft: z.number().int(),
  cells: z.array(z.string()),
})

export const runSchema: z.ZodType<RunRecord> = z.object({
  schemaVersion: z.literal(1),
  id: z.string(),
  startedAt: z.string().describe('ISO 8601, UTC'),
  durationMs: ms,
  tool: z.object({ name: z.string(), version: z.string() }),
  complete: z.boolean().describe('false where the run was killed'),
  outcome: z.enum(['pass', 'fail', 'trouble', 'cancelled', 'unknown']),
  exitCode: z.number().int().nullable(),
  gate: z.enum(['unwaived', 'regressions']),
  source: z.object({ commit: z.string(), branch: z.string().nullable(), dirty: z.boolean() }).nullable(),
  selection: z.enum(['whole', 'part']),
  baseline: z.object({ run: z.string(), startedAt: z.string() }).nullable(),
  lost: z.array(z.string()).describe('cells that the baseline answered and the project does not have any more'),
  waivers: z.array(waiver),
  builds: z.array(build),
  bases: z.array(
    z.object({
      reference: z.string(),
      how: z.enum(['present', 'pulled', 'bootstrapped']),
      id: z.string(),
      message: z.string(),
    }),
  ),
  stacks: z.array(
    z.object({
      id: z.string(),
      base: z.string(),
      title: z.string(),
      kind: z.enum(['stack', 'scenario']),
      image: z
        .object({ id: imageId, digest: z.string().nullable(), platform: z.string(), sizeBytes: bytes })
        .nullable(),
    }),
  ),
  environments: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      engine: engine.nullable(),
      facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      engines: z
        .array(z.object({ endpoint: z.string(), engine: engine.exactOptional(), unsupported: z.array(z.string()) }))
        .exactOptional()
        .describe('those that answered, what each is, and what it does not enforce'),
    }),
  ),
  cells: z.array(cell),
  groups: z.array(z.object({ signature, cause: z.array(z.string()).nullable(), cells: z.array(z.string()) })),
  timing: z.object({
    makespanMs: ms,
    lowerBoundMs: ms.nullable(),
    buildMs: ms,
    distributeMs: ms,
    bytesDistributed: bytes,
    imagesFetched: z.number().int().min(0).default(0),
  }),
})

/** As JSON Schema, for other tools. */
export function runJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: 'The record of a run (run.json)', ...z.toJSONSchema(runSchema, { io: 'input' }) }
}
