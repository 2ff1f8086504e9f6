/** `matrix clean`: removes what dead runs of this project left; with `--all` also images and the embedded engine. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadProject } from '../config/load.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import type { FindResult } from '../hosts/find-engine.ts'
import { projectRuns, rootsOfLiveRuns } from '../hosts/live-runs.ts'
import { systemClock } from '../lib/clock.ts'
import { ownerState } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import { stateFolder } from '../lib/state-folder.ts'
import { type SweepResult, sweep } from '../run/sweep.ts'
import { endEmbedded } from './end-embedded.ts'
import { broughtUp, forsaken, localEngine, type ProjectHost, statesOf, takeDown } from './hosts.ts'
import type { Io } from './io.ts'
import { enginesNamed, whoNames } from './named-engines.ts'
import { connectAccess } from './open-columns.ts'
import { lookForEngine, type OpenEngineResult, openFound, reportProblem } from './open-engine.ts'

export interface CleanOptions {
  readonly engine?: string
  readonly all?: boolean
}

/**
 * Looks into the engine that a run would use, those that environments name, and hosts that run. Starts none of them:
 * where none answers there is nothing to clean. Exit 3 where something could not be asked or removed.
 */
export async function runClean(options: CleanOptions, io: Io): Promise<number> {
  const all = options.all === true
  const target = await lookForEngine(options.engine, io)
  if (target.kind === 'refused') return reportProblem(target.problem, io)
  const orphans = await removeHosts(await forsaken(io, { silentToo: all }), { target, io, withEmbedded: all })
  const own = all
    ? { places: [], code: await removeHosts(broughtUp(io), { target, io, withEmbedded: true }) }
    : await runningHosts(target, io)
  const hosts = { ...own, code: Math.max(own.code, orphans) }
  const named = await namedPlaces(target, io)
  const code = Math.max(hosts.code, named.code, await sweepPlaces([...named.places, ...hosts.places], { all, io }))
  if (!all) return code
  const ended = hosts.code === 0 ? await endEmbedded(io, { purge: true }) : hosts.code
  // Layers are kept for engines to come; where something stays, so do they.
  if (ended === 0 && rootsOfLiveRuns(io.env).size === 0)
    rmSync(join(stateFolder(io.env), 'layers'), { recursive: true, force: true })
  return Math.max(code, ended)
}

/** Where runs of the project may have left something. */
interface Place {
  /** Null: the engine that a run uses where its environment names none. */
  readonly name: string | null
  open(): Promise<OpenEngineResult>
}
/** `code`: of those that could not be told. */
interface Places {
  readonly places: readonly Place[]
  readonly code: number
}

/** The default engine and those that environments connect to. */
async function namedPlaces(target: Exclude<FindResult, { kind: 'refused' }>, io: Io): Promise<Places> {
  const places = new Map<string, Place>()
  if (target.kind === 'found') places.set(target.endpoint, { name: null, open: () => openFound(target, io) })
  if (!existsSync(join(io.cwd, 'environments'))) return { places: [...places.values()], code: 0 }
  const loaded = await loadProject(io.cwd, { env: io.env })
  if (!loaded.ok) {
    io.stderr('matrix: the project has mistakes (matrix validate shows them), so engines that it names are left out\n')
    return { places: [...places.values()], code: 2 }
  }
  let code = 0
  for (const [name, ids] of enginesNamed(loaded.project.environments)) {
    const found = await lookForEngine(name, io)
    if (found.kind === 'refused') code = Math.max(code, reportProblem(found.problem, io))
    if (found.kind !== 'found' || places.has(found.endpoint)) continue
    const { how, mend } = whoNames(ids)
    places.set(found.endpoint, { name, open: () => openFound({ ...found, how, mend }, io) })
  }
  return { places: [...places.values()], code }
}

async function runningHosts(target: FindResult, io: Io): Promise<Places> {
  const places: Place[] = []
  let code = 0
  await using local = localEngine(target, io)
  for (const { name, status } of await statesOf(broughtUp(io), { local, mayInstall: false, io })) {
    if (status.state === 'up') {
      const open = async () => ({ ok: true, engine: connectAccess(status.access), how: name, ours: true }) as const
      places.push({ name, open })
    } else if (status.state !== 'absent') {
      io.stderr(printable(`matrix: ${name} is ${status.state}, so what runs left in it goes with its next run\n`))
      if (status.state === 'sick') code = 3
    }
  }
  return { places, code }
}

async function removeHosts(
  hosts: readonly ProjectHost[],
  options: { readonly target: FindResult; readonly io: Io; readonly withEmbedded: boolean },
): Promise<number> {
  const { io, target, withEmbedded } = options
  await using local = localEngine(target, io)
  const { code } = await takeDown(hosts, { local, mayInstall: false, purge: true, withEmbedded, io })
  return code
}

/** Why nothing was looked into. One that was ended by force may hold what runs left, until it starts again. */
const unasked = (all: boolean, io: Io): string =>
  !all && existsSync(embeddedPaths(io.env).dataRoot)
    ? 'the embedded engine does not run; what killed runs left in it is removed by the next run'
    : 'no engine answers, so nothing is left in one'

async function sweepPlaces(
  places: readonly Place[],
  options: { readonly all: boolean; readonly io: Io },
): Promise<number> {
  const { all, io } = options
  if (places.length === 0) io.stdout(`${unasked(all, io)}\n`)
  const lives = all && projectRuns(io.env, io.cwd)
  if (lives) io.stderr('matrix: a run of this project lives, so its images stay; run this again when that has ended\n')
  let code = lives ? 3 : 0
  let count = 0
  for (const { name, open } of places) {
    const opened = await open()
    if (!opened.ok) {
      code = Math.max(code, reportProblem(opened.problem, io))
      continue
    }
    await using engine = opened.engine
    const where = name === null ? '' : ` (${name})`
    try {
      const result = await sweep(engine, {
        project: projectIdOf(io.cwd),
        nowMs: Date.parse(systemClock.wall()),
        ownerState,
        all: all && !lives,
        signal: io.signal,
      })
      code = Math.max(code, tell(result, { where, io }))
      count += result.removed.length
      // In the embedded engine they go with its data.
      const isShared = rootsOfLiveRuns(io.env).size > 0
      if (all && !isShared && engine.endpoint !== embeddedPaths(io.env).endpoint)
        await removeOwnImages(engine, { where, io })
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      const hint = error.hint ?? 'matrix doctor says more.'
      code = Math.max(code, reportProblem({ kind: 'machine', message: error.message + where, hint }, io))
    }
  }
  const removed = `${count} ${count === 1 ? 'thing' : 'things'} removed\n`
  if (places.length > 0) io.stdout(count === 0 && code === 0 ? 'nothing was left behind\n' : removed)
  return code
}

interface Telling {
  /** The engine, where it is not the default one. */
  readonly where: string
  readonly io: Io
}

function tell(result: SweepResult, { where, io }: Telling): 0 | 3 {
  for (const { kind, name } of result.removed) io.stdout(printable(`removed ${kind} ${name}${where}\n`))
  for (const { resource, error } of result.failed) {
    io.stderr(printable(`matrix: ${resource.kind} ${resource.name}${where} could not be removed: ${error.message}\n`))
  }
  return result.failed.length === 0 ? 0 : 3
}

/** Base images and the helper's, which belong to no project; those in use stay. */
async function removeOwnImages(engine: Engine, { where, io }: Telling): Promise<void> {
  for (const role of ['base', 'helper-image', 'host-image']) {
    for (const image of await engine.list('image', { 'matrix.role': role }, io)) {
      try {
        await engine.images.remove(image.id, io)
        io.stdout(printable(`removed image ${image.name}${where}\n`))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        io.stdout(printable(`kept image ${image.name}${where}: ${error.message}\n`))
      }
    }
  }
}
