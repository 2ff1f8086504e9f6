/** Runs the two command lines that an explanation prints: the one has to fail, the other to pass. */
import { randomUUID } from 'node:crypto'
import { execa } from 'execa'
import { root } from './steps.mjs'

const mostMs = 120_000
const leastMs = 3000

/** @returns `wrong`: what does not hold, in words; or `why` nothing was run */
export async function reproduce({ fails, passes }) {
  const client = /(?:^|\(|; )(docker|podman) /.exec(fails)?.[1]
  const shell = await shellWith(client, fails)
  if (shell === null) return { why: `there is no client ${client} here` }
  if (fails.includes('curl ') && !(await has(shell, 'curl'))) return { why: 'there is no curl here' }
  const failing = await run(shell, fails, mostMs)
  const wrong = []
  if (failing.code === null) wrong.push('the command that is to fail does not end')
  else if (failing.code === 0) wrong.push('the command that is to fail passes')
  // One that stays in the foreground passes by running on, for longer than it took to fail.
  const isForeground = / run --rm /.test(passes)
  const passing = await run(shell, passes, isForeground ? Math.max(leastMs, 2 * failing.ms) : mostMs)
  const passed = isForeground ? passing.code === null : passing.code === 0
  if (!passed) wrong.push(`the command that is to pass ends with ${passing.code}: ${passing.said}`)
  return { wrong }
}

/** A shell where the client is: here, or on the host whose engine is asked; null where there is none. */
async function shellWith(client, line) {
  const here = { command: ['sh', '-c'], put: (text) => text }
  if (await has(here, client)) return here
  const [socket, project, host] = /unix:\/\/\S*\/hosts\/([^/\s]+)\/([^/\s]+)\/run\/engine\.sock/.exec(line) ?? []
  if (socket === undefined) return null
  const { stdout } = await execa(process.execPath, ['bin/matrix.js', 'env', 'status', '--json'], { cwd: root })
  const { endpoint } = JSON.parse(stdout).used
  const there = {
    command: ['docker', '--host', endpoint, 'exec', `matrix-host-${project}-${host}`, 'sh', '-c'],
    put: (text) => text.replaceAll(socket, 'unix:///run/matrix/engine.sock'),
  }
  return (await has(there, client)) ? there : null
}

const has = async (shell, program) => (await ask(shell, `command -v ${program}`)).exitCode === 0

function ask({ command: [program, ...words], put }, line, options = {}) {
  return execa(program, [...words, put(line)], { reject: false, stdin: 'ignore', ...options })
}

/** `code` null: it was still running and was ended, with its container. */
async function run(shell, line, limitMs) {
  const idFile = `/tmp/matrix-reproduction-${randomUUID()}`
  const client = /(?:docker|podman)(?: --(?:host|url) \S+)?(?= run )/.exec(line)?.[0]
  const command = line.replace(`${client} run --rm `, `${client} run --cidfile ${idFile} --rm `)
  const remove = () =>
    ask(shell, `test ! -e ${idFile} || { ${client} rm --force --volumes "$(cat ${idFile})"; rm -f ${idFile}; }`)
  const startedAt = performance.now()
  let isOver = false
  // The client ends with its container; ended by a signal the shell would leave it behind.
  const limit = setTimeout(() => {
    isOver = true
    void remove()
  }, limitMs)
  try {
    const { exitCode, stderr } = await ask(shell, command, { timeout: limitMs + mostMs, killSignal: 'SIGKILL' })
    return { code: isOver ? null : (exitCode ?? null), ms: performance.now() - startedAt, said: stderr.slice(-300) }
  } finally {
    clearTimeout(limit)
    await remove()
  }
}
