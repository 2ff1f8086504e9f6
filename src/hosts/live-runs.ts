/**
 * Which runs live on this machine. Engines tell it of those that have something in them; what a run is going to need, and
 * hosts whose cells are all elsewhere, are told by a note that each run leaves while it lives.
 */
import { mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { Engine, Labels } from '../engines/engine.ts'
import { namesIn } from '../lib/files.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'
import { projectIdOf } from '../lib/project-id.ts'
import { stateFolder } from '../lib/state-folder.ts'
import type { Env } from './host-place.ts'

const folderOf = (env: Env): string => join(stateFolder(env), 'runs')

interface Note {
  readonly owner: string
  /** Folder of the project. */
  readonly root: string
}

/** Says that a run of a project lives, until it is disposed of or this process ends. */
export function enterRun(env: Env, root: string): Disposable {
  const owner = ownIdentity()
  const file = join(folderOf(env), `${owner.replaceAll('/', '-')}.json`)
  const note: Note = { owner, root: realPathOr(root) }
  try {
    mkdirSync(folderOf(env), { recursive: true })
    writeFileAtomic.sync(file, JSON.stringify(note))
  } catch {
    // Where nothing can be kept there are no hosts either.
    return { [Symbol.dispose]() {} }
  }
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) }
}

/**
 * Folders of the projects of which a run lives, this process's own left out. What dead ones left goes; of one in another tree
 * of processes nothing can be said.
 */
export function rootsOfLiveRuns(env: Env): ReadonlySet<string> {
  const own = ownIdentity()
  const roots = new Set<string>()
  for (const name of namesIn(folderOf(env)).filter((name) => name.endsWith('.json'))) {
    const file = join(folderOf(env), name)
    const note = readNote(file)
    const state = note === null ? 'dead' : ownerState(note.owner)
    if (state === 'dead') forget(file)
    if (note !== null && state === 'alive' && note.owner !== own) roots.add(note.root)
  }
  return roots
}

/** Another user's stays. */
function forget(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // Whoever may will.
  }
}

/** Whether one of this project does, which is not this process. */
export const projectRuns = (env: Env, root: string): boolean => rootsOfLiveRuns(env).has(realPathOr(root))

function realPathOr(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path // a folder that is gone
  }
}

/** Null for one that is gone, or none. */
function readNote(file: string): Note | null {
  try {
    const { owner, root } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Note>
    return owner === undefined || root === undefined ? null : { owner, root }
  } catch {
    return null
  }
}

/** Whether a run that lives has something with these labels in an engine. Rejects with `EngineError`. */
export async function hasLiveRun(
  engine: Engine,
  labels: Labels,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  const found = await engine.list('container', { ...labels, 'matrix.run': '' }, { signal })
  return found.some(({ labels }) => ownerState(labels['matrix.owner'] ?? '') === 'alive')
}

/** Whether a run of a project lives, here or on an engine, so that its hosts have to stay. Rejects with `EngineError`. */
export async function runLives(
  engine: Engine,
  { root, env, signal }: { readonly root: string; readonly env: Env; readonly signal: AbortSignal },
): Promise<boolean> {
  if (projectRuns(env, root)) return true
  return hasLiveRun(engine, { 'matrix.project': projectIdOf(root) }, { signal })
}
