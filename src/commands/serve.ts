/** `matrix serve`: the reports folder on loopback, read-only, with the progress of a run in another process. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { basename } from 'node:path'
import { printable } from '../lib/printable.ts'
import { exitCodes } from '../model/verdict.ts'
import { reportsFolder } from '../record/run-folder.ts'
import type { Io } from './io.ts'
import { type Answer, ServedReports } from './served-reports.ts'
import { stalenessIn } from './today.ts'

export interface ServeOptions {
  readonly project?: string
  /** 0: any that is free. */
  readonly port: number
}

const loopback = '127.0.0.1'

export async function runServe(options: ServeOptions, io: Io): Promise<number> {
  const root = options.project ?? io.cwd
  const served = new ServedReports(reportsFolder(root), {
    title: basename(root),
    staleness: () => stalenessIn(root, { ...io, stderr: () => {} }),
  })
  const server = createServer(async (request, response) => {
    try {
      send(response, await answerTo(request, served), request.method === 'HEAD')
    } catch (error) {
      send(response, { status: 500, type: 'text/plain', body: 'internal error\n' }, false)
      io.stderr(printable(`matrix: ${error instanceof Error ? error.message : String(error)}\n`))
    }
  })
  server.listen(options.port, loopback)
  try {
    await once(server, 'listening')
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is taken; name another with --port' : String(error)
    io.stderr(printable(`matrix: port ${options.port} ${why}\n`))
    return exitCodes.usage
  }
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  io.stderr(`The reports of ${printable(root)} are at http://localhost:${port}/ ; Ctrl-C ends it.\n`)
  if (!io.signal.aborted) await once(io.signal, 'abort')
  server.close()
  server.closeAllConnections()
  return exitCodes.green
}

/** A page of somewhere else that resolves its own name to this machine sends that name as the host. */
const ownHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

async function answerTo(request: IncomingMessage, served: ServedReports): Promise<Answer> {
  if (!ownHost.test(request.headers.host ?? '')) {
    return { status: 421, type: 'text/plain', body: 'only localhost is answered here\n' }
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: 'text/plain', body: 'these pages can only be read\n' }
  }
  return served.answer((request.url ?? '/').split(/[?#]/)[0] ?? '/')
}

function send(response: ServerResponse, answer: Answer, headOnly: boolean): void {
  const body = Buffer.from(answer.body)
  response.writeHead(answer.status, {
    'content-type': `${answer.type}; charset=utf-8`,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    // The report brings its own policy; evidence is nothing but text, and may do nothing at all.
    'content-security-policy': answer.policy ?? "default-src 'none'; sandbox",
    ...(answer.refreshSeconds === undefined ? {} : { refresh: String(answer.refreshSeconds) }),
  })
  response.end(headOnly ? undefined : body)
}
