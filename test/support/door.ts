/** A socket that leads to an engine, until it is shut. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Door extends AsyncDisposable {
  readonly endpoint: string
  /** Cuts what stands; what comes then waits at the door until it is opened. */
  hold(): void
  open(): void
  /** Cuts what stands, and takes nothing any more. */
  shut(): void
}

/** @param endpoint `unix://…` */
export async function openDoor(endpoint: string): Promise<Door> {
  const folder = mkdtempSync(join(tmpdir(), 'matrix-door-'))
  const path = join(folder, 'door.sock')
  const sockets = new Set<Socket>()
  let waiting: (() => void)[] | null = null
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const pass = (outer: Socket) => {
    const inner = connect({ path: endpoint.replace('unix://', ''), allowHalfOpen: true })
    keep(inner)
    outer.pipe(inner)
    inner.pipe(outer)
  }
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    keep(outer)
    if (waiting === null) pass(outer)
    else waiting.push(() => pass(outer))
  })
  server.listen(path)
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const shut = () => {
    server.close()
    cut()
  }
  return {
    endpoint: `unix://${path}`,
    hold() {
      waiting ??= []
      cut()
    },
    open() {
      for (const enter of waiting ?? []) enter()
      waiting = null
    },
    shut,
    async [Symbol.asyncDispose]() {
      shut()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
