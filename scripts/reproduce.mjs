/** Runs the two command lines that an explanation prints: the one has to fail, the other to pass. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

const mostMs = 120_000
const leastMs = 3000

/** @returns `wrong`: what does not hold, in words; or `why` nothing was run */
export async function reproduce({ fails, passes }) {
  const client = /(?:^|\(|; )(docker|podman) /.exec(fails)?.[1]
  const there = await execa(client, ['--version'], { reject: false })
  if (there.exitCode !== 0) return { why: `there is no client ${client} here` }
  if (fails.includes('curl ') && (await execa('curl', ['--version'], { reject: false })).exitCode !== 0) {
    return { why: 'there is no curl here' }
  }
  const failing = await run(fails, mostMs)
  const wrong = []
  if (failing.code === null) wrong.push('the command that is to fail does not end')
  else if (failing.code === 0) wrong.push('the command that is to fail passes')
  // One that stays in the foreground passes by running on, for longer than it took to fail.
  const isForeground = / run --rm /.test(passes)
  const passing = await run(passes, isForeground ? Math.max(leastMs, 2 * failing.ms) : mostMs)
  const passed = isForeground ? passing.code === null : passing.code === 0
  if (!passed) wrong.push(`the command that is to pass ends with ${passing.code}: ${passing.said}`)
  return { wrong }
}

/** `code` null: it was still running and was ended, with its container. */
async function run(line, limitMs) {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-reproduction-'))
  const idFile = join(folder, 'id')
  const command = line.replace(
    /((?:docker|podman)(?: --(?:host|url) \S+)?) run --rm /,
    `$1 run --cidfile ${idFile} --rm `,
  )
  const startedAt = performance.now()
  const remove = async () => {
    if (!existsSync(idFile)) return
    const client = /(?:docker|podman)(?: --(?:host|url) \S+)?(?= run )/.exec(line)?.[0]
    await execa('sh', ['-c', `${client} rm --force --volumes ${readFileSync(idFile, 'utf8')}`], { reject: false })
  }
  let isOver = false
  // The client ends with its container; ended by a signal the shell would leave it behind.
  const limit = setTimeout(() => {
    isOver = true
    void remove()
  }, limitMs)
  try {
    const { exitCode, stderr } = await execa('sh', ['-c', command], {
      reject: false,
      stdin: 'ignore',
      timeout: limitMs + mostMs,
      killSignal: 'SIGKILL',
    })
    return { code: isOver ? null : (exitCode ?? null), ms: performance.now() - startedAt, said: stderr.slice(-300) }
  } finally {
    clearTimeout(limit)
    await remove()
    rmSync(folder, { recursive: true, force: true })
  }
}
