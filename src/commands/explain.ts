/** `matrix explain`: runs cells, and finds out why those that fail do. */
import { exitCodes } from '../model/verdict.ts'
import { renderExplanation } from '../reporters/explanation.ts'
import { renderJson } from '../reporters/json.ts'
import { type CheckOptions, type Present, runCheck } from './check.ts'
import type { Io } from './io.ts'

export type ExplainOptions = Pick<
  CheckOptions,
  'project' | 'cells' | 'json' | 'explainBudget' | 'try' | 'engine' | 'install' | 'bootstrap'
>

/** 0 where it can say of every cell that it passes or why not; 3 where it cannot. */
export function runExplain(options: ExplainOptions, io: Io): Promise<number> {
  return runCheck({ ...options, explain: true }, io, present)
}

const present: Present = (run, { options, io }) => {
  const answered = run.cells.every(
    ({ outcome, diagnosis }) => outcome === 'pass' || (diagnosis !== null && diagnosis !== 'unresolved'),
  )
  if (options.json === true) {
    io.stdout(renderJson(run))
  } else {
    const parts = run.cells.map((cell) => {
      if (cell.explanation !== null) return renderExplanation(cell, { color: io.color, probes: true })
      if (cell.outcome === 'pass') return [`${cell.id} passes: there is nothing to explain`]
      return [`${cell.id} is ${cell.outcome}, which is no failure to explain: ${cell.message ?? 'it gave no answer'}`]
    })
    io.stdout(`${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`)
  }
  return answered ? exitCodes.green : exitCodes.trouble
}
