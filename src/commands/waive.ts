/** `matrix waive CELL`: accepts what a cell failed with in its last run, for a time, by an entry in waivers.yaml. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { addWaivers, type NewWaiver } from '../config/add-waivers.ts'
import { systemClock } from '../lib/clock.ts'
import { oneLine, printable } from '../lib/printable.ts'
import type { CellRecord } from '../model/run-record.ts'
import { waiverMatches } from '../model/suggest-waiver.ts'
import { exitCodes } from '../model/verdict.ts'
import { reportsFolder, runIds } from '../record/run-folder.ts'
import type { Io } from './io.ts'
import { readRun } from './read-run.ts'

export interface WaiveOptions {
  readonly project?: string
  readonly cell: string
  readonly reason: string
  readonly owner: string
  readonly issue?: string
  /** How long it holds, from today. */
  readonly days: number
}

const dayMs = 24 * 3600 * 1000

export async function runWaive(options: WaiveOptions, io: Io): Promise<number> {
  const root = options.project ?? io.cwd
  const refuse = (problem: string) => {
    io.stderr(printable(`matrix: ${problem}\n`))
    return exitCodes.usage
  }
  const found = lastAnswer(reportsFolder(root), options.cell)
  if (found === null) return refuse(`no run has a cell ${options.cell}; run matrix check ${options.cell} first`)
  const { cell, run } = found
  if (cell.outcome !== 'fail') return refuse(`${cell.id} is ${cell.outcome} in ${run}; only what fails can be waived`)
  const matches = waiverMatches(cell)
  if (matches.length === 0) {
    return refuse(`a part of ${cell.id} could not be observed in ${run}, and that cannot be waived`)
  }
  const created = systemClock.wall().slice(0, 10)
  const expires = new Date(Date.parse(created) + options.days * dayMs).toISOString().slice(0, 10)
  const { reason, owner, issue } = options
  const common = { reason, owner, ...(issue === undefined ? {} : { issue }), created, expires }
  const waivers = matches.map((match): NewWaiver => ({ match, ...common }))
  const path = join(root, 'waivers.yaml')
  const added = addWaivers(textOf(path), waivers)
  if (!added.ok) return refuse(added.problem)
  await writeFileAtomic(path, added.text)
  io.stdout(`${cell.id} is waived until ${expires}, in waivers.yaml, for:\n`)
  for (const failure of cell.failures) io.stdout(`  ${failure.signature} ${oneLine(failure.message, 200)}\n`)
  return exitCodes.green
}

/** The cell in the last run that has it. */
function lastAnswer(reports: string, id: string): { readonly run: string; readonly cell: CellRecord } | null {
  for (const run of runIds(reports).toReversed()) {
    const cell = readRun(reports, run)?.cells.find((one) => one.id === id)
    if (cell !== undefined && cell.outcome !== 'not-run' && cell.outcome !== 'cancelled') return { run, cell }
  }
  return null
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
