/** Tells a command or a web address what changed; that one of them does not answer changes no exit code. */
import { spawn } from 'node:child_process'
import { deadline } from '../lib/abort.ts'
import { oneLine } from '../lib/printable.ts'
import type { Notification } from '../model/notification.ts'
import type { NotifyTarget } from '../model/project.ts'
import type { Io } from './io.ts'

const patienceMs = 30_000

export async function notify(
  targets: readonly NotifyTarget[],
  notification: Notification,
  context: { readonly io: Io; readonly root: string; readonly secret: (name: string) => string },
): Promise<void> {
  const body = JSON.stringify(notification)
  for (const target of targets) {
    using limit = deadline(patienceMs, context.io.signal)
    const { signal } = limit
    try {
      if (target.kind === 'command') await runCommand(target.command, { body, signal, ...context })
      else await post(typeof target.url === 'string' ? target.url : context.secret(target.url.secret), { body, signal })
      context.io.stderr(`told ${nameOf(target)} what changed\n`)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      context.io.stderr(`matrix: ${nameOf(target)} was not told what changed: ${oneLine(why)}\n`)
    }
  }
}

/** Never the address: it may be a secret by itself. */
const nameOf = (target: NotifyTarget): string =>
  target.kind === 'command' ? oneLine(target.command[0] ?? '') : 'the webhook'

async function post(url: string, options: { readonly body: string; readonly signal: AbortSignal }): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers, redirect: 'error', ...options })
  } catch (error) {
    // The reason of a failed fetch, and not its message, which may hold the address.
    const { cause } = error as { readonly cause?: { readonly code?: string } }
    throw new Error(cause?.code ?? (options.signal.aborted ? 'it took too long' : 'it could not be reached'))
  }
  await response.body?.cancel()
  if (!response.ok) throw new Error(`it answered ${response.status}`)
}

function runCommand(
  [program = '', ...args]: readonly string[],
  options: { readonly body: string; readonly signal: AbortSignal; readonly io: Io; readonly root: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { body, io, root, signal } = options
    const child = spawn(program, args, { cwd: root, env: io.env, signal, stdio: ['pipe', 'ignore', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`it ended with exit code ${code}`))))
    // A command that reads nothing has its reasons.
    child.stdin.on('error', () => {})
    child.stdin.end(body)
  })
}
