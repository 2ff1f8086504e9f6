/** Whether a stack that fails with no constraint does so on another engine too. */
import type { RunnableCell } from '../model/plan.ts'
import type { EngineRecord, ProbeRecord } from '../model/run-record.ts'
import type { Trial } from '../run/trial.ts'

/** A column on another engine. */
export interface Elsewhere {
  readonly environment: string
  readonly engine: EngineRecord
  /** Whether the stack passed there in this run. */
  readonly passed: boolean
}

export interface ElsewhereOptions {
  readonly engine: EngineRecord
  readonly elsewhere: readonly Elsewhere[]
  /** The cell with no constraint at all. */
  readonly bare: RunnableCell
  readonly trial: Trial
  readonly signal: AbortSignal
  readonly record: (probe: ProbeRecord) => void
}

const times = 2

/** Why it is the engine, in words; null where that cannot be shown. */
export async function engineOf(options: ElsewhereOptions): Promise<string | null> {
  const { bare, engine, record, signal, trial } = options
  const [nearest] = options.elsewhere.toSorted(
    (a, b) =>
      Number(b.passed) - Number(a.passed) ||
      differences(engine, a.engine).length - differences(engine, b.engine).length,
  )
  if (nearest === undefined) return null
  for (let count = 0; count < times; count++) {
    const result = await trial({ ...bare, environment: nearest.environment }, { signal })
    const { outcome, stage, reason, message, signature, durationMs } = result
    record({
      purpose: `with no constraint, on the engine of ${nearest.environment}`,
      kept: [],
      lifted: [],
      values: {},
      outcome: outcome === 'pass' || outcome === 'fail' ? outcome : 'unresolved',
      stage,
      reason,
      message,
      signature,
      durationMs,
      from: null,
    })
    if (outcome !== 'pass') return null
  }
  const differ = differences(engine, nearest.engine).join(', ')
  return `with no constraint it fails on ${engine.name} ${engine.version} and passes on ${nearest.engine.name} ${nearest.engine.version} (${nearest.environment}); between the two differ ${differ}`
}

function differences(a: EngineRecord, b: EngineRecord): readonly string[] {
  const facts = [
    'name',
    'version',
    'apiVersion',
    'ociRuntime',
    'rootless',
    'kernel',
    'cgroup',
    'arch',
    'nodes',
  ] as const
  return facts.flatMap((fact) => (a[fact] === b[fact] ? [] : [`${fact} (${a[fact]}, ${b[fact]})`]))
}
