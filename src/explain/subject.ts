/** A cell of a project as something that can be asked: its configurations run as trials. */
import type { RunnableCell } from '../model/plan.ts'
import type { CellRecord } from '../model/run-record.ts'
import { canonicalJson } from '../plan/plan.ts'
import type { Variable } from '../plan/vary.ts'
import type { Trial, TrialResult } from '../run/trial.ts'
import { type Answer, type Configuration, keeping, type Subject } from './probe.ts'

export function subjectOf(variable: Variable, trial: Trial): Subject {
  const keyOf = ({ kept, values }: Configuration) => keyOfCell(variable.cell(kept, values))
  const all = keyOf(keeping(variable.atoms))
  const none = keyOf(keeping([]))
  const matters = (atom: string) =>
    keyOf(keeping(variable.atoms.filter((one) => one !== atom))) !== all || keyOf(keeping([atom])) !== none
  return {
    atoms: [...new Set(variable.atoms)].filter(matters),
    keyOf,
    run: async ({ kept, values }, signal) => answerOf(await trial(variable.cell(kept, values), { signal })),
  }
}

/** What of a cell decides how it goes. */
export function keyOfCell(cell: RunnableCell): string {
  const copies = cell.copies.map(({ alias, buildKey, config: { findings: _, ...config } }) => ({
    alias,
    buildKey,
    config,
  }))
  return canonicalJson({ copies, network: cell.network, contract: cell.contract, timeScale: cell.timeScale })
}

export function answerOf(result: TrialResult): Answer {
  const logs = result.evidence.filter(({ name }) => name.endsWith('log')).map(({ text }) => text)
  return answerWith(result, logs)
}

/** @param logs what of the logs is at hand */
export function answerWith(
  seen: Pick<CellRecord, 'outcome' | 'stage' | 'reason' | 'message' | 'signature' | 'durationMs' | 'checks'>,
  logs: readonly string[],
): Answer {
  const { outcome, stage, reason, message, signature, durationMs } = seen
  const replies = seen.checks.flatMap(({ message: said, actual }) => [said ?? '', JSON.stringify(actual)])
  return {
    outcome: outcome === 'pass' || outcome === 'fail' ? outcome : 'unresolved',
    stage,
    reason,
    message,
    signature,
    check: stage === 'check' ? decisive(seen) : null,
    clues: [...replies, ...logs].join('\n').slice(-64_000),
    durationMs,
  }
}

function decisive({ checks, message }: Pick<CellRecord, 'checks' | 'message'>): string | null {
  const failing = checks.filter(({ outcome }) => outcome === 'fail' || outcome === 'error')
  // A workload that ended is told in other words than those of the check that saw it.
  const told = failing.find(({ name, message: said }) => said === message || message?.endsWith(`during "${name}"`))
  return (told ?? failing[0])?.name ?? null
}
