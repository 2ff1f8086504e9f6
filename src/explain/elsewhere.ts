/** Whether a stack that fails with no constraint does so on another engine too. */
import type { RunnableCell } from '../model/plan.ts'
import type { EngineRecord } from '../model/run-record.ts'
import { engineDefaults, engineKindOf } from '../plan/engine-defaults.ts'
import type { Trial } from '../run/trial.ts'
import { BudgetError, type Prober } from './prober.ts'
import { answerOf } from './subject.ts'

/** A column of the run. */
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
  readonly prober: Prober
  readonly trial: Trial
}

/** It passes there: so often before it is believed. */
const times = 2
/** How many other engines are asked at most, the likeliest to pass and the nearest first. */
const mostEngines = 3

export interface EngineFound {
  /** Why it is the engine, in words; null where no other engine was seen to pass. */
  readonly because: string | null
  /** On which other engines it was run, in words; empty where there is none. */
  readonly asked: readonly string[]
}

/** What the engine has to do with a failure under no constraint. Rejects with the signal's reason. */
export async function engineOf(options: ElsewhereOptions): Promise<EngineFound> {
  const { engine } = options
  const others = options.elsewhere.filter((one) => differences(engine, one.engine).length > 0)
  const nearest = others.toSorted(
    (a, b) =>
      Number(b.passed) - Number(a.passed) ||
      differences(engine, a.engine).length - differences(engine, b.engine).length,
  )
  const asked: string[] = []
  for (const one of nearest.slice(0, mostEngines)) {
    const passes = await passesOn(one, options)
    if (passes === null) break
    asked.push(`${one.engine.name} ${one.engine.version} (${one.environment})`)
    if (!passes) continue
    const here = `${engine.name} ${engine.version}`
    const differ = [...differences(engine, one.engine), ...otherDefaults(engine, one.engine)].join(', ')
    const because = `with no constraint it fails on ${here} and passes on ${asked.at(-1)}; between the two differ ${differ}`
    return { because, asked }
  }
  return { because: null, asked }
}

/** Null where the budget is spent before that was seen. */
async function passesOn({ environment }: Elsewhere, options: ElsewhereOptions): Promise<boolean | null> {
  const { bare, prober, trial } = options
  const what = {
    purpose: `with no constraint, on the engine of ${environment}`,
    kept: new Set<string>(),
    values: {},
  }
  try {
    for (let count = 0; count < times; count++) {
      const answer = await prober.try(what, async (signal) =>
        answerOf(await trial({ ...bare, environment }, { signal })),
      )
      if (answer.outcome !== 'pass') return false
    }
    return true
  } catch (error) {
    if (error instanceof BudgetError) return null
    throw error
  }
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

/** What the two do differently where nobody asks. */
function otherDefaults(a: EngineRecord, b: EngineRecord): readonly string[] {
  const there = new Map(engineDefaults(engineKindOf(b)).map(({ property, value }) => [property, value]))
  return engineDefaults(engineKindOf(a)).flatMap(({ property, value }) => {
    const other = there.get(property)
    return JSON.stringify(value) === JSON.stringify(other) ? [] : [`${property} (${value}, ${other})`]
  })
}
