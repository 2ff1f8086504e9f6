/**
 * How long Matrix takes beside what one would write by hand, on the same engine, images, flags and answers.
 *
 *   npm run bench -- [--size 6] [--rounds 3]
 *
 * `size` stacks in `size` environments, each a small HTTP server under the flags of its environment. By hand: `docker run`,
 * ask until it answers 200, `docker rm --force`; one after the other, which is the baseline, and with `xargs --max-procs`.
 * The ways take turns in a random order, so that what else the machine does falls on all of them. Ratios are what is to be
 * read: seconds are of one machine. Leaves nothing behind.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProgram, installDependencies, requireNode, root, step } from './steps.mjs'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '3' },
  },
})
const [size, rounds] = ['size', 'rounds'].map((name) => positive(name, values[name]))

/** What six places impose: in Matrix's words, and as flags. More environments have them again. */
const places = [
  ['{}', ''],
  ['{ read_only: true }', '--read-only'],
  ['{ cap_drop: [ALL] }', '--cap-drop ALL'],
  ['{ mem_limit: 64m }', '--memory 64m'],
  ['{ pids_limit: 64, user: "1000650000:0" }', '--pids-limit 64 --user 1000650000:0'],
  ['{ security_opt: ["no-new-privileges:true"], cpus: 0.5 }', '--security-opt no-new-privileges:true --cpus 0.5'],
]

requireNode()
await installDependencies()
await buildProgram()
const up = ['bin/matrix.js', 'env', 'up', '--no-hosts', '--bases']
await step(
  'Making sure that an engine and its base images are there (matrix env up --no-hosts --bases)',
  process.execPath,
  up,
)
const endpoint = JSON.parse((await told(process.execPath, ['bin/matrix.js', 'env', 'status', '--json'], root)).said)
  .used.endpoint
if (!endpoint.startsWith('unix://'))
  fail(`the engine at ${endpoint} is elsewhere: what it publishes is not reached from here`)
if ((await told('docker', ['version'], root)).code === 127)
  fail('what is done by hand is done with the client of Docker: install docker-cli')

const client = ['-H', endpoint]
const folder = realpathSync(project())
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
/** As Matrix names a project in labels: `src/lib/project-id.ts`. */
const id = createHash('sha256').update(folder).digest('hex').slice(0, 12)
const matrix =
  (...options) =>
  () =>
    told(process.execPath, [join(root, 'bin/matrix.js'), 'check', '--json', ...options], folder)
const image = await firstRun()
const script = join(folder, 'cell.sh')
writeFileSync(script, cellScript())

const byHand = (atOnce) => () =>
  told('xargs', ['--max-procs', String(atOnce), '--max-lines=1', 'bash', script], folder, cellFlags().join('\n'))
/** `answers`: how many cells were green. */
const ways = [
  { name: 'docker run, one after the other', run: byHand(1), answers: lines },
  { name: 'docker run, xargs -P 2', run: byHand(2), answers: lines },
  { name: 'docker run, xargs -P 8', run: byHand(8), answers: lines },
  { name: 'matrix check --concurrency 1', run: matrix('--concurrency', '1'), answers: passes },
  { name: 'matrix check', run: matrix(), answers: passes },
  { name: 'matrix check --changed', run: matrix('--changed'), answers: passes },
]

const measured = new Map(ways.map(({ name }) => [name, []]))
for (let round = 1; round <= rounds; round++) {
  for (const way of shuffled(ways)) {
    process.stderr.write(`round ${round} of ${rounds}: ${way.name} … `)
    const startedAt = performance.now()
    const result = await way.run()
    const seconds = (performance.now() - startedAt) / 1000
    const green = way.answers(result.said)
    if (green !== size * size)
      fail(`${way.name}: ${green} of ${size * size} cells were answered\n${result.errors.slice(-2000)}`)
    measured.get(way.name).push({ seconds, bound: boundOf(result.said) })
    process.stderr.write(`${seconds.toFixed(1)} s\n`)
  }
}
const left = await leftovers()
await removeImages()
console.log(`\n${size} stacks × ${size} environments, ${rounds} rounds, ${await engineName()}\n`)
console.log(table())
console.log(`\nEvery way gave every answer. Containers and networks left: ${left}.`)
process.exitCode = left === 0 ? 0 : 1

function table() {
  const base = median(measured.get(ways[0].name).map(({ seconds }) => seconds))
  const rows = ways.map(({ name }) => {
    const all = measured.get(name)
    const seconds = all.map((one) => one.seconds)
    const middle = median(seconds)
    const bounds = all.flatMap(({ bound }) => (bound === null ? [] : [bound]))
    return [
      name,
      middle.toFixed(1),
      `${Math.min(...seconds).toFixed(1)}–${Math.max(...seconds).toFixed(1)}`,
      (base / middle).toFixed(2),
      `${((middle / (size * size)) * 1000).toFixed(0)}`,
      bounds.length === 0 ? '' : median(bounds).toFixed(2),
    ]
  })
  const head = ['way', 'median s', 'least–most s', 'times the baseline', 'ms a cell', 'makespan / bound']
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

function project() {
  const made = mkdtempSync(join(tmpdir(), 'matrix-bench-'))
  const put = (path, text) => {
    mkdirSync(join(made, path, '..'), { recursive: true })
    writeFileSync(join(made, path), text)
  }
  copyFileSync(join(root, 'matrix.yaml'), join(made, 'matrix.yaml'))
  for (let index = 0; index < size; index++) {
    const stack = `stacks/s${index}`
    put(`${stack}/Dockerfile`, 'FROM debian:bookworm-slim\nCOPY server.pl /server.pl\nCMD ["perl", "/server.pl"]\n')
    copyFileSync(join(root, 'test/support/server.pl'), join(made, stack, 'server.pl'))
    put(
      `${stack}/stack.yaml`,
      'build: { context: . }\nports: { http: 8080 }\nreadiness: { http: { port: http }, deadline: 60s }\n' +
        'checks: [{ name: it answers, http: { port: http }, expect: { status: 200 } }]\n',
    )
    put(`environments/e${index}.yaml`, `constraints: ${places[index % places.length][0]}\n`)
  }
  return made
}

/** Builds; what is measured runs images that are there. Gives the id of one: they are all alike. */
async function firstRun() {
  console.error('\n▸ Building the images, and a first run of each cell')
  const { said, errors } = await matrix()()
  if (passes(said) !== size * size) fail(`the first run has not answered every cell:\n${errors.slice(-2000)}`)
  return JSON.parse(said).stacks[0].image.id
}
function cellFlags() {
  const flags = Array.from({ length: size }, (_, index) => places[index % places.length][1])
  return Array.from({ length: size }, () => flags)
    .flat()
    .map((line) => `x ${line}`.trim())
}

function cellScript() {
  return `shift
docker="docker -H ${endpoint}"
id=$($docker run --detach --publish 127.0.0.1::8080 --label matrix-bench "$@" ${image}) || exit 1
port=$($docker port "$id" 8080/tcp | sed 's/.*://')
for attempt in {1..600}; do
  if exec 3<> "/dev/tcp/127.0.0.1/$port" && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]; then
    echo green; break
  fi
  sleep 0.02
done 2> /dev/null
$docker rm --force "$id" > /dev/null
`
}

/** Containers and networks of either way that are still there. */
async function leftovers() {
  const list = (what, label) => told('docker', [...client, ...what, '--quiet', '--filter', `label=${label}`], root)
  const found = await Promise.all([
    list(['ps', '--all'], 'matrix-bench'),
    list(['ps', '--all'], `matrix.project=${id}`),
    list(['network', 'ls'], `matrix.project=${id}`),
  ])
  return found.reduce((sum, { said }) => sum + lines(said, /./), 0)
}

async function removeImages() {
  const { said } = await told('docker', [...client, 'images', '--quiet', '--filter', `reference=matrix-${id}/*`], root)
  const images = [...new Set(said.split('\n').filter(Boolean))]
  if (images.length > 0) await told('docker', [...client, 'rmi', '--force', ...images], root)
}

function lines(text, wanted = /^green$/) {
  return text.split('\n').filter((line) => wanted.test(line)).length
}
function passes(text) {
  return JSON.parse(text || '{"cells":[]}').cells.filter(({ outcome }) => outcome === 'pass').length
}
function boundOf(text) {
  if (!text.startsWith('{')) return null
  const { makespanMs, lowerBoundMs } = JSON.parse(text).timing
  return lowerBoundMs > 0 ? makespanMs / lowerBoundMs : null
}

async function engineName() {
  return `Docker ${(await told('docker', [...client, 'version', '--format', '{{.Server.Version}}'], root)).said.trim()}`
}

/** What a program says, and its exit code; 127 where it is not there. Matrix ends with 1 where a cell is red, which is counted. */
function told(command, args, cwd, input = '') {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: 'pipe' })
    const [said, errors] = [child.stdout, child.stderr].map((stream) => {
      const chunks = []
      stream.on('data', (chunk) => chunks.push(chunk))
      return () => Buffer.concat(chunks).toString('utf8')
    })
    child.on('error', () => resolve({ code: 127, said: '', errors: '' }))
    child.on('close', (code) => resolve({ code, said: said(), errors: errors() }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function shuffled(list) {
  return list
    .map((entry) => ({ entry, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ entry }) => entry)
}

function positive(name, text) {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  return fail(`--${name} ${text}: a whole number above 0 is expected`)
}

function fail(message) {
  console.error(`bench: ${message}`)
  process.exit(2)
}
