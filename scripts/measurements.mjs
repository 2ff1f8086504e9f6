/**
 * What the stacks cost, in Markdown, out of the runs in a reports folder: image size, build time cold and warm, cold start
 * to ready, memory at rest. Each figure is the newest that a run has observed; `?` where none has.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './steps.mjs'

const [reports = join(root, 'reports')] = process.argv.slice(2)
const runs = existsSync(reports) ? newestFirst(reports) : []
if (runs.length === 0) {
  console.error(`There is no run in ${reports}. Run matrix check first.`)
  process.exit(2)
}

const rows = unique(runs.flatMap(({ run }) => run.stacks.map((stack) => stack.id))).sort()
const environments = unique(runs.flatMap(({ run }) => run.environments.map((one) => one.id))).sort()

const first = table(
  ['row', 'image', 'build, cold', 'build, warm'],
  rows.map((row) => [row, imageOf(row), buildOf(row, false), buildOf(row, true)]),
)
const second = table(
  ['row', ...environments],
  rows.map((row) => [row, ...environments.map((environment) => cellOf(row, environment))]),
)
console.log(`${first}\n\nCold start to ready, and memory at rest of all that the cell runs:\n\n${second}`)

function newestFirst(folder) {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'run.json')))
    .sort()
    .reverse()
    .map((name) => ({
      folder: join(folder, name),
      run: JSON.parse(readFileSync(join(folder, name, 'run.json'), 'utf8')),
    }))
}

function unique(values) {
  return [...new Set(values)]
}

function imageOf(row) {
  const stack = runs.flatMap(({ run }) => run.stacks).find((one) => one.id === row && one.image !== null)
  if (stack !== undefined) return megabytes(stack.image.sizeBytes)
  return runs.some(({ run }) => run.stacks.some((one) => one.id === row && one.kind === 'scenario')) ? '–' : '?'
}

/** A build is cold where the engine did not have its image; what package managers have downloaded may be there. */
function buildOf(row, warm) {
  if (imageOf(row) === '–') return '–'
  const base = runs.flatMap(({ run }) => run.stacks).find((one) => one.id === row)?.base
  const build = runs
    .flatMap(({ run }) => run.builds)
    .find(({ stack, outcome, cached }) => outcome === 'pass' && cached === warm && (stack === row || stack === base))
  return build === undefined ? '?' : seconds(build.durationMs)
}

function cellOf(row, environment) {
  for (const { run, folder } of runs) {
    const cell = run.cells.find((one) => one.id === `${row}@${environment}`)
    if (cell === undefined || cell.outcome === 'not-run') continue
    if (cell.outcome !== 'pass') return cell.outcome
    const rest = memoryOf(cell, folder)
    return `${seconds(readyAfter(cell, row, run))}, ${rest === null ? '?' : megabytes(rest)}`
  }
  return '?'
}

/** Of the row's own container; of a scenario, from the first container to the last that is ready. */
function readyAfter(cell, row, run) {
  const { base, kind } = run.stacks.find((one) => one.id === row)
  const of = (stage) =>
    cell.phases.filter(({ name }) => (kind === 'scenario' ? name.startsWith(`${stage} `) : name === `${stage} ${base}`))
  const start = Math.min(...of('create').map((phase) => phase.startMs))
  return Math.max(...of('ready').map((phase) => phase.startMs + phase.durationMs)) - start
}

function memoryOf(cell, folder) {
  const blob = cell.evidence.find((one) => one.name === 'memory at rest')
  const file = blob === undefined ? null : join(folder, 'evidence', blob.hash.replace('sha256:', ''))
  if (file === null || !existsSync(file)) return null
  return Object.values(JSON.parse(readFileSync(file, 'utf8'))).reduce((sum, bytes) => sum + bytes, 0)
}

function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`
}

function seconds(ms) {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : '?'
}

function table(head, lines) {
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')
}
