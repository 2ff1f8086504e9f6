/** How much room is left where a run puts things: in the engine that hosts are containers of, and in Matrix's own folder. */
import { existsSync, statfsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { Engine, EngineFacts } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import { embeddedPaths } from './embedded-paths.ts'
import { type Env, hostsFolder } from './host-place.ts'

export interface Disk {
  readonly freeBytes: number
  /** Two with the same are one file system. */
  readonly device: number
}

/** Null: not known, which is not enough and not too little. */
export interface Disks {
  /** Images and containers of the engine, nested hosts with all that is in them too. */
  readonly engine: Disk | null
  /** Disks of virtual machines, and layers on their way to other engines. */
  readonly own: Disk | null
}

/** How long an engine has to say what it is. */
const toldWithinMs = 5_000

/** Null where it does not answer within seconds. Rejects only with the signal's reason. */
export async function factsSoon(
  engine: Engine,
  { signal }: { readonly signal: AbortSignal },
): Promise<EngineFacts | null> {
  using limit = deadline(toldWithinMs, signal)
  try {
    return await engine.facts({ signal: limit.signal })
  } catch {
    signal.throwIfAborted()
    return null
  }
}

/** The room that this engine and Matrix itself have on their disks; of an engine that does not answer it is not known. */
export async function disksWith(
  engine: Engine,
  { env, signal }: { readonly env: Env; readonly signal: AbortSignal },
): Promise<Disks> {
  const facts = await factsSoon(engine, { signal })
  return disksOf({ endpoint: engine.endpoint, dataRoot: facts?.dataRoot ?? null }, env)
}

export function disksOf(
  engine: { readonly endpoint: string; readonly dataRoot: EngineFacts['dataRoot'] },
  env: Env,
): Disks {
  return { engine: engineDisk(engine), own: ownDisk(env) }
}

/** Where there is no engine yet, and the embedded one would be started. */
export const disksToBe = (env: Env): Disks => ({ engine: diskToBe(embeddedPaths(env).dataRoot), own: ownDisk(env) })

const ownDisk = (env: Env): Disk | null => diskToBe(hostsFolder(env))

/** The path is the engine's own: on another machine, or in a container, it is another folder or none. */
function engineDisk({ endpoint, dataRoot }: Parameters<typeof disksOf>[0]): Disk | null {
  const isHere = endpoint.startsWith('unix://') && dataRoot?.machine === hostname()
  return isHere ? diskAt(dataRoot.path) : null
}

/** Of a folder that may still have to be made. */
function diskToBe(path: string): Disk | null {
  let folder = path
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  return diskAt(folder)
}

function diskAt(path: string): Disk | null {
  try {
    const { bavail, bsize } = statfsSync(path)
    return { freeBytes: bavail * bsize, device: statSync(path).dev }
  } catch {
    return null
  }
}
