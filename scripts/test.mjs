/**
 * Every test level, from nothing: dependencies, build, an engine, base images, and the levels, cheapest first.
 *
 * The last line is `N passed, N failed`, summed over the levels. A level that could not run, that holds no test,
 * or that skips one, counts as a failure: what did not run has shown nothing.
 *
 * A test with real engines or a browser that fails is run again once, as `matrix check` does with a red cell, and as there
 * an answer that changed is not hidden: such tests are named before the last line, each with why it failed at first.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram, installDependencies, requireNode, root, run, step } from './steps.mjs'
import { installTestPrograms } from './test-programs.mjs'

/**
 * Those of a line run together. `full` takes long and finds little that the others do not: it runs where it is named, and with
 * `--full` beside all others.
 */
const everyLevel = [['architecture'], ['unit'], ['contract', 'integration', 'cli', 'report'], ['stacks'], ['full']]
const needsEngine = new Set(['contract', 'integration', 'cli', 'stacks', 'full'])
const isTriedAgain = (level) => needsEngine.has(level) || level === 'report'

const whole = process.argv.includes('--full')
const chosen = process.argv.slice(2).filter((argument) => argument !== '--full')
const unknown = chosen.filter((level) => !everyLevel.flat().includes(level))
if (unknown.length > 0) {
  console.error(`No such level: ${unknown.join(', ')}. There are ${everyLevel.flat().join(', ')}.`)
  process.exit(2)
}
const isChosen = (level) => (chosen.length === 0 ? whole || level !== 'full' : chosen.includes(level))
const groups = everyLevel.map((group) => group.filter(isChosen)).filter((group) => group.length > 0)
const levels = groups.flat()

requireNode()
await installDependencies()
await buildProgram()
const folder = mkdtempSync(join(tmpdir(), 'matrix-test-'))
// Those that need nothing but Node run while the machine gets the rest.
const needsMachine = (group) => group.some(isTriedAgain)
const [early] = await Promise.all([runGroups(groups.filter((group) => !needsMachine(group))), prepareMachine()])
const late = early.interrupted ? { results: [] } : await runGroups(groups.filter(needsMachine))
const results = [...early.results, ...late.results]
rmSync(folder, { recursive: true, force: true })

console.log('')
let passed = 0
let failed = 0
for (const result of results) {
  passed += result.passed
  failed += result.failed
  const trouble = result.trouble.map((text) => `; ${text}`).join('')
  console.log(`${result.level.padEnd(14)}${result.passed} passed, ${result.failed} failed${trouble}`)
}
for (const { title, why } of results.flatMap(({ unsteady }) => unsteady)) {
  console.log(`passed when it was run again: ${title}\n  at first: ${why}`)
}
for (const level of levels.slice(results.length)) {
  failed += 1
  console.log(`${level.padEnd(14)}did not run: interrupted`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

async function prepareMachine() {
  if (levels.some((level) => needsEngine.has(level))) {
    await step(
      'Making sure that an engine and its base images are there (matrix env up --install --no-hosts --bases)',
      process.execPath,
      ['bin/matrix.js', 'env', 'up', '--install', '--no-hosts', '--bases'],
    )
  }
  await installTestPrograms(levels)
}

/** One group after the other, until one is interrupted. */
async function runGroups(groups) {
  const results = []
  for (const group of groups) {
    console.error(`\n▸ Level ${group.join(', ')}`)
    const file = join(folder, `${group[0]}.json`)
    const code = await run(process.execPath, [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...group.flatMap((level) => ['--project', level]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...(group.some(isTriedAgain) ? ['--retry=1'] : []),
    ])
    results.push(...resultsOf(group, { file, code }))
    if (code === 130) return { results, interrupted: true }
  }
  return { results, interrupted: false }
}

/** What the levels of a group show. Each of their troubles counts as one failure beside the tests that failed. */
function resultsOf(group, { file, code }) {
  const report = readReport(file)
  const results = group.map((level) => resultOf(level, report, code))
  const [first] = results
  // What is not about a file cannot be told of one level of them.
  if (code !== 0 && results.every(({ failed }) => failed === 0)) {
    first.failed += 1
    first.trouble.push(`vitest ended with ${code}`)
  }
  return results
}

function resultOf(level, report, code) {
  if (report === null) {
    return { level, passed: 0, failed: 1, trouble: [`could not run (vitest ended with ${code})`], unsteady: [] }
  }
  const suites = report.testResults.filter(({ name }) => name.startsWith(`${root}test/${level}/`))
  const tests = suites.flatMap((suite) => suite.assertionResults)
  const count = (...states) => tests.filter((test) => states.includes(test.status)).length
  const passed = count('passed')
  const failed = count('failed')
  const skipped = tests.length - passed - failed
  const broken = suites.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  )
  const trouble = broken.map((suite) => `${suite.name.replace(root, '')} could not run`)
  if (tests.length === 0 && broken.length === 0) trouble.push('holds no test')
  const failures = failed + trouble.length + skipped
  if (skipped > 0) trouble.push(`${skipped} skipped, which counts as failed`)
  const unsteady = tests
    .filter((test) => test.status === 'passed' && test.failureMessages.length > 0)
    .map((test) => ({
      title: `${level}: ${test.fullName}`,
      why: test.failureMessages.join('\n').split('\n    at ')[0],
    }))
  return { level, passed, failed: failures, trouble, unsteady }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}
