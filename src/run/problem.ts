/** What went wrong in a cell, before it is folded into an outcome. */
import { EngineError, told } from '../engines/engine.ts'
import { oneLine } from '../lib/printable.ts'
import { signatureOf } from '../lib/signature.ts'
import type { CheckKind } from '../model/check.ts'
import type { Reason, Stage } from '../model/outcome.ts'
import type { CheckRecord, FailureRecord } from '../model/run-record.ts'

/** `fail`: an expectation was observed to be false. `error`: something could not be observed. */
export interface Problem {
  readonly kind: 'fail' | 'error'
  readonly stage: Stage
  readonly reason: Reason
  readonly message: string
  /** The check behind it, where there is one. */
  readonly check?: { readonly kind: CheckKind; readonly name: string }
  /** No trouble of the engine explains it: the kernel told it. */
  readonly certain?: true
  /** The signature of a need's own failure, which the cell takes over. */
  readonly signature?: string
}

/** Carries a problem up to where the cell is judged; nothing after it in the cell makes sense. */
export class CellProblem extends Error {
  override readonly name = 'CellProblem'
  readonly problem: Problem
  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, { cause })
    this.problem = problem
  }
}

/**
 * What its disk could not do says nothing of the product, though the runtime may be the one that tells it; nor does a limit
 * above the engine's own, which one without root may not raise.
 */
const engineTrouble =
  /no space left on device|input\/output error|read-only file system.*\/var\/lib\/|set(ting )?rlimit.*operation not permitted/i

/** An engine that answers and refuses says something about the product; one that does not answer says nothing. */
export function problemOf(error: unknown, stage: Stage): Problem {
  if (error instanceof CellProblem) return error.problem
  if (!(error instanceof EngineError)) {
    return {
      kind: 'error',
      stage,
      reason: 'internal',
      message: oneLine(error instanceof Error ? (error.stack ?? error.message) : String(error), 1000),
    }
  }
  const message = oneLine(error.message, 1000)
  if (error.code === 'unreachable' || error.code === 'node-lost') return lossOf(error, stage)
  const refused =
    error.code === 'rejected' ||
    (!engineTrouble.test(error.message) &&
      /OCI runtime|runc|executable file not found|no such file or directory|does not match the specified platform/i.test(
        error.message,
      ))
  if (refused && (stage === 'create' || stage === 'start' || stage === 'needs')) {
    return { kind: 'fail', stage, reason: 'rejected', message }
  }
  return { kind: 'error', stage, reason: 'unobservable', message: told(error, 1000) }
}

/** Where a container was is gone, so that nothing that is seen of it says anything of the product. */
export function lossOf(error: unknown, stage: Stage): Problem {
  const reason = error instanceof EngineError && error.code === 'node-lost' ? 'node-lost' : 'engine-lost'
  return { kind: 'error', stage, reason, message: told(error, 1000) }
}

/** What decides whatever else was seen; of several, the first explains the others. */
const overriding = ['node-lost', 'engine-lost', 'disk-full', 'not-in-force'] as const

/** The problem that decides: a lost engine, its full disk or a constraint not in force, then the first failure, then the first error. */
export function decisive(problems: readonly Problem[]): Problem | undefined {
  return (
    overriding.flatMap((reason) => problems.find((problem) => problem.reason === reason) ?? [])[0] ??
    problems.find((problem) => problem.kind === 'fail') ??
    problems[0]
  )
}

/** A check that did not pass. */
export function checkProblem(record: CheckRecord): Problem {
  return {
    kind: record.outcome === 'fail' ? 'fail' : 'error',
    stage: 'check',
    reason: record.reason ?? 'mismatch',
    message: record.message ?? `the check "${record.name}" did not hold`,
    check: { kind: record.kind, name: record.name },
  }
}

export function signatureOfProblem({ stage, reason, message, check, signature }: Problem): string {
  const of = check === undefined ? {} : { checkKind: check.kind, checkName: check.name }
  return signature ?? signatureOf({ stage, reason, message, ...of })
}

export const failureOf = (problem: Problem): FailureRecord => ({
  kind: problem.kind,
  stage: problem.stage,
  check: problem.check?.name ?? null,
  reason: problem.reason,
  message: problem.message,
  signature: signatureOfProblem(problem),
})
