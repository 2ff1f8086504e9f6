/** What the last runs found of the engines that environments name. */
import { readFileSync } from 'node:fs'
import type { EngineReady } from '../model/event.ts'
import type { MetEngine } from '../model/run-record.ts'
import { runFolder, runIds } from './run-folder.ts'

export interface Met {
  /** The last run that met one. */
  readonly run: string
  readonly engines: readonly MetEngine[]
}

/** Environment → what the last run with it met there; those that no kept run has met are not in it. */
export function metEngines(reports: string, environments: ReadonlySet<string>): ReadonlyMap<string, Met> {
  const met = new Map<string, Met>()
  for (const run of runIds(reports).toReversed()) {
    if ([...environments].every((id) => met.has(id))) break
    for (const { environment, engines } of readyIn(runFolder(reports, run).journal)) {
      if (engines !== undefined && environments.has(environment) && !met.has(environment)) {
        met.set(environment, { run, engines })
      }
    }
  }
  return met
}

/** Journals are long, and of most lines nothing is wanted; one that cannot be read tells nothing. */
function readyIn(journal: string): readonly EngineReady[] {
  try {
    const lines = readFileSync(journal, 'utf8').split('\n')
    return lines.filter((line) => line.includes('"engine-ready"')).flatMap(parse)
  } catch {
    return []
  }
}

function parse(line: string): readonly EngineReady[] {
  try {
    const event = JSON.parse(line) as EngineReady
    return event.type === 'engine-ready' ? [event] : []
  } catch {
    return []
  }
}
