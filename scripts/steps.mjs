/** What both `npm run quickstart` and `npm test` do first: a Node that is new enough, the dependencies, the build. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = [20, 19]
const signals = ['SIGINT', 'SIGTERM']
const running = new Set()

/** Ends the process with what to do, where Node is too old for the dependencies. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return
  console.error(`Matrix needs Node ${wanted.join('.')} or newer; this is ${process.versions.node}.`)
  process.exit(2)
}

/**
 * Runs a program with this terminal as its own, and lets it answer to Ctrl-C.
 * @returns its exit code; 130 where Ctrl-C ended it, 127 where it could not be started
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    running.add(child)
    const forward = (signal) => child.kill(signal)
    const finish = (code) => {
      running.delete(child)
      for (const signal of signals) process.off(signal, forward)
      resolve(code)
    }
    for (const signal of signals) process.on(signal, forward)
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      finish(127)
    })
    child.on('close', (code, signal) => finish(code ?? (signals.includes(signal) ? 130 : 1)))
  })
}

/** Says what is done, does it, and ends the process where it fails. */
export async function step(title, command, args) {
  console.error(`\n▸ ${title}`)
  const code = await run(command, args)
  if (code === 0) return
  console.error(`\n✗ ${title}: ${[command, ...args].join(' ')} ended with ${code}`)
  for (const child of running) child.kill('SIGTERM')
  process.exit(code === 130 ? 130 : 1)
}

/** `npm ci`, where node_modules is missing or was made from another lock file. */
export async function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex')
  const mark = `${root}node_modules/.made-from`
  const made = existsSync(mark) ? readFileSync(mark, 'utf8') : null
  if (made === lock) return
  await step('Installing the Node dependencies (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(mark, lock)
}

export const buildProgram = () => step('Building the program', process.execPath, ['scripts/build.mjs'])
