/** A process that ends runs: for tests of many at once. Arguments: the reports folder, a name, how many runs. */
import { foldRun } from '../../src/model/fold-run.ts'
import { addToHistory } from '../../src/record/history.ts'
import { eventsOf, finished } from './runs.ts'

const [reports = '', name = '', count = '0'] = process.argv.slice(2)
const cells = Array.from({ length: 40 }, (_, index) => `e${index}`)
async function main(): Promise<void> {
  for (let n = 0; n < Number(count); n++) {
    const outcomes = Object.fromEntries(cells.map((id) => [`api@${id}`, 'pass' as const]))
    const run = foldRun([...eventsOf(['api'], cells, outcomes), finished])
    await addToHistory(reports, { ...run, id: `${name}-${n}` }, { keptRuns: 30 })
  }
}

void main()
