/** `matrix nightly`: checks everything, explains what fails, compares with the night before, and tells what changed. */
import type { RunRecord } from '../model/run-record.ts'
import { reportsFolder } from '../record/run-folder.ts'
import { publish, tellChanges, unpublish } from './after-night.ts'
import { type CheckOptions, presentMatrix, runCheck } from './check.ts'
import type { Io } from './io.ts'

export type NightlyOptions = Pick<
  CheckOptions,
  'project' | 'gate' | 'deadline' | 'explain' | 'explainBudget' | 'engine' | 'install' | 'bootstrap'
>

export async function runNightly(options: NightlyOptions, io: Io): Promise<number> {
  const reports = reportsFolder(options.project ?? io.cwd)
  const ended: RunRecord[] = []
  unpublish(reports)
  // Whoever is told afterwards may be told by a secret address.
  const code = await runCheck({ ...options, everySecret: true }, io, (run, context) => {
    ended.push(run)
    return presentMatrix(run, context)
  })
  const [run] = ended
  // Nothing was started: that has been told, and is no news of the product.
  if (run === undefined) return code
  publish(reports, run)
  await tellChanges(run, { options, io, reports })
  return code
}
