/** Runs a cell once more under another configuration, beside the record of the run: nothing of it is written down. */
import type { RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { CellOutcome } from '../model/outcome.ts'
import type { RunnableCell } from '../model/plan.ts'
import type { CheckRecord } from '../model/run-record.ts'
import { type CellDeps, type CellRun, runCell } from './cell.ts'

export interface TrialResult {
  readonly outcome: CellOutcome
  readonly stage: Extract<RunEventBody, { type: 'cell-finished' }>['stage']
  readonly reason: Extract<RunEventBody, { type: 'cell-finished' }>['reason']
  readonly message: string | null
  readonly signature: string | null
  readonly durationMs: number
  readonly checks: readonly CheckRecord[]
  /** The containers' last lines, states and replies. */
  readonly evidence: readonly { readonly name: string; readonly text: string }[]
}

/** Never rejects but with the signal's reason. `cell.environment` says on which engine. */
export type Trial = (cell: RunnableCell, options: { readonly signal: AbortSignal }) => Promise<TrialResult>

/** What runs of cells outside the record need of a run that still holds its engines. */
export interface Afterwards {
  readonly trial: Trial
  /** Processors of the engine of an environment. */
  cpusOf(environment: string): Promise<number>
}

/** @param name sets it apart from other runs of the same cell */
export async function runTrial(
  cell: RunnableCell,
  deps: Omit<CellDeps, 'emit' | 'progress' | 'evidence' | 'fingerprint'> & {
    readonly name: string
    readonly clean: (run: CellRun) => void
  },
): Promise<TrialResult> {
  const events: RunEventBody[] = []
  const evidence: { name: string; text: string }[] = []
  const sink: EvidenceSink = {
    async put({ name, mediaType, content }) {
      const text = typeof content === 'string' ? content : Buffer.from(content).toString('utf8')
      evidence.push({ name, text })
      return { name, mediaType, hash: '', sizeBytes: 0, cutBytes: 0 }
    },
  }
  const run = await runCell(
    { ...cell, id: `${cell.id}.${deps.name}` },
    { ...deps, emit: (event) => events.push(event), progress: () => {}, evidence: sink, fingerprint: null },
  )
  deps.clean(run)
  deps.signal.throwIfAborted()
  const last = events.findLast((event) => event.type === 'cell-finished')
  if (last?.type !== 'cell-finished') throw new Error(`${cell.id} ended without an answer`)
  const { outcome, stage, reason, message, signature, durationMs } = last
  const checks = events.flatMap((event) => (event.type === 'cell-check' ? [event.check] : []))
  return { outcome, stage, reason, message, signature, durationMs, checks, evidence }
}
