/**
 * Failing cells made from public reports, explained, and held against their known causes; and the command lines that
 * reproduce them, run.
 *
 * Usage: `node scripts/corpus.mjs [--json] [CASE…]`; all cases where none is named. Exit code 0: every case is right.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { parse, stringify } from 'yaml'
import { reproduce } from './reproduce.mjs'
import { root } from './steps.mjs'

const corpus = join(root, 'test', 'corpus')
const arguments_ = process.argv.slice(2)
const asJson = arguments_.includes('--json')
const named = arguments_.filter((argument) => !argument.startsWith('--'))
const known = readdirSync(join(corpus, 'cases')).map((name) => name.replace(/\.yaml$/, ''))
const unknown = named.filter((id) => !known.includes(id))
if (unknown.length > 0) {
  console.error(`No such case: ${unknown.join(', ')}. There are ${known.join(', ')}.`)
  process.exit(2)
}
const cases = known
  .filter((id) => named.length === 0 || named.includes(id))
  .map((id) => ({ id, ...parse(readFileSync(join(corpus, 'cases', `${id}.yaml`), 'utf8')) }))

const folder = mkdtempSync(join(tmpdir(), 'matrix-corpus-'))
try {
  writeProject()
  const run = await explain()
  const results = []
  for (const one of cases) {
    const cell = run.cells.find(({ id }) => id === `${one.id}@${one.id}`)
    const result = judge(one, cell)
    const reproductions = await reproductionsOf(one, cell)
    results.push({
      id: one.id,
      ...result,
      reproductions,
      wrong: [...result.wrong, ...reproductions.flatMap(({ wrong }) => wrong ?? [])],
    })
  }
  if (asJson) console.log(JSON.stringify(results, null, 2))
  else printTable(results)
  process.exitCode = results.every(({ wrong }) => wrong.length === 0) ? 0 : 1
} finally {
  await takeDownHosts()
  rmSync(folder, { recursive: true, force: true })
}

/** One project of all cases: a stack and an environment each, and one image for all of them. */
function writeProject() {
  const write = (path, value) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), stringify(value))
  }
  const build = { context: '../../image' }
  cpSync(join(corpus, 'image'), join(folder, 'image'), { recursive: true })
  write('matrix.yaml', {
    images: { 'debian:bookworm-slim': { bootstrap: { distribution: 'debian', suite: 'bookworm' } } },
  })
  write('stacks/backend/stack.yaml', {
    build,
    command: ['python3', '/srv/web.py'],
    ports: { http: { port: 8080 } },
    readiness: { http: { port: 'http' }, deadline: '15s' },
    checks: [{ name: 'it answers', http: { port: 'http' }, expect: { status: 200 } }],
  })
  write('stacks/state/stack.yaml', {
    build,
    command: ['sh', '-c', 'echo 1 > /state && exec python3 /srv/web.py'],
    ports: { http: { port: 8080 } },
    readiness: { http: { port: 'http' }, deadline: '15s' },
    checks: [{ name: 'it answers', http: { port: 'http' }, expect: { status: 200 } }],
  })
  for (const { id, stack, environment, elsewhere, files = {} } of cases) {
    write(`stacks/${id}/stack.yaml`, { build, ...stack })
    write(`environments/${id}.yaml`, environment)
    if (elsewhere !== undefined) write(`environments/${id}-elsewhere.yaml`, elsewhere)
    for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
  }
}

/** One at a time, so that only what is looked for makes a cell fail. */
async function explain() {
  const ids = cases.flatMap(({ id, elsewhere }) => [
    `${id}@${id}`,
    ...(elsewhere === undefined ? [] : [`${id}@${id}-elsewhere`]),
  ])
  const command = ['bin/matrix.js', '-C', folder, 'check', ...ids, '--explain', '--explain-budget', '3h']
  const { stdout } = await execa(process.execPath, [...command, '--concurrency', '1', '--json'], {
    cwd: root,
    reject: false,
    stderr: 'inherit',
    maxBuffer: 256 * 1024 * 1024,
  })
  return JSON.parse(stdout)
}

/** Hosts outlive a run; those of this project are of no use after it. */
async function takeDownHosts() {
  for (const { id, environment } of cases) {
    if (environment.engine?.provision === undefined) continue
    const command = ['bin/matrix.js', '-C', folder, 'env', 'down', '--purge', id]
    await execa(process.execPath, command, { cwd: root, reject: false, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

/** What a cell that fails each time is reproduced by does what it says, or why it is not reproduced. */
async function reproductionsOf({ expect }, cell) {
  if (expect.deterministic === false) return []
  const found = []
  for (const { constraints, reproduction, notReproduced } of cell.causes) {
    if (reproduction === null) found.push({ constraints, why: notReproduced })
    else found.push({ constraints, ...(await reproduce(reproduction)) })
  }
  return found
}

function judge({ expect }, cell) {
  const wrong = []
  const same = (name, found, expected) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      wrong.push(`${name} is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`)
    }
  }
  const inOrder = (causes) => causes.map((atoms) => [...atoms].sort()).sort((a, b) => (a.join() < b.join() ? -1 : 1))
  const causes = inOrder(cell.causes.map(({ constraints }) => constraints))
  const deterministic = expect.deterministic !== false
  for (const key of ['outcome', 'stage', 'diagnosis']) {
    if (deterministic && key in expect) same(key, cell[key], expect[key])
  }
  same('causes', causes, inOrder(expect.causes))
  if (expect.threshold !== undefined) {
    const { key, fails, passes } = expect.threshold
    const found = cell.causes.find(({ threshold }) => threshold?.key === key)?.threshold
    // Engines take a grace in whole seconds.
    const isStep = key === 'stop_grace_period' && found?.passesAt - found?.failsAt === 1000
    const isNear = found?.passesAt <= found?.failsAt * 1.25 || isStep
    const right = found !== undefined && found.failsAt < passes && found.passesAt > fails && isNear
    if (!right) wrong.push(`threshold is ${JSON.stringify(found)}, not between ${fails} and ${passes}`)
  }
  const probes = cell.explanation?.probes.filter(({ from }) => from === null) ?? []
  return {
    diagnosis: cell.diagnosis,
    message: cell.message,
    causes,
    expected: { deterministic, causes: inOrder(expect.causes) },
    thresholds: cell.causes.flatMap(({ threshold }) => threshold ?? []),
    probes: probes.length,
    probesForCause: probes.filter(({ values }) => Object.keys(values).length === 0).length,
    seconds: (cell.explanation?.durationMs ?? 0) / 1000,
    cellSeconds: cell.durationMs / 1000,
    withinBudget: probes.length <= 40 && (cell.explanation?.durationMs ?? 0) <= 125_000,
    wrong,
  }
}

function printTable(results) {
  const width = Math.max(...results.map(({ id }) => id.length))
  for (const { id, diagnosis, causes, thresholds, probes, seconds, wrong } of results) {
    const found = causes.map((atoms) => atoms.join(' with ')).join('; ') || (diagnosis ?? 'passes')
    const between = thresholds.map(({ failsAt, passesAt }) => ` (${failsAt} to ${passesAt})`).join('')
    const spent = `${String(probes).padStart(3)} probes ${seconds.toFixed(1).padStart(6)} s`
    console.log(`${wrong.length === 0 ? '✔' : '✘'} ${id.padEnd(width)}  ${spent}  ${found}${between}`)
    for (const text of wrong) console.log(`  ${' '.repeat(width)}  ${text}`)
  }
  const rightCases = results.filter(({ wrong }) => wrong.length === 0).length
  const count = (lists) => lists.reduce((sum, list) => sum + list.length, 0)
  const expected = count(results.map((result) => result.expected.causes))
  const hits = results.map((result) =>
    result.causes.filter((cause) => result.expected.causes.some((one) => one.join() === cause.join())),
  )
  const single = results.filter((result) => result.expected.causes.length === 1 && result.cellSeconds <= 3)
  console.log(`\ncases right   ${rightCases} of ${results.length}`)
  console.log(
    `causes right  ${count(hits)} of ${expected}, ${count(results.map(({ causes }) => causes)) - count(hits)} named wrongly`,
  )
  console.log(
    `single causes that show within 3 s: median ${median(single.map(({ probesForCause }) => probesForCause))} probes without the threshold, ${median(single.map(({ seconds }) => seconds)).toFixed(1)} s with it, over ${single.length} cases`,
  )
  const reproductions = results.flatMap((result) => result.reproductions)
  const ran = reproductions.filter(({ wrong }) => wrong !== undefined)
  const right = ran.filter(({ wrong }) => wrong.length === 0).length
  const without = reproductions.filter(({ wrong }) => wrong === undefined)
  console.log(`reproductions ${right} of ${ran.length} fail and pass as they say; none for ${without.length} causes:`)
  for (const why of new Set(without.map((one) => one.why))) {
    console.log(`              ${without.filter((one) => one.why === why).length} ${why}`)
  }
  console.log(`within budget ${results.filter(({ withinBudget }) => withinBudget).length} of ${results.length}`)
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
