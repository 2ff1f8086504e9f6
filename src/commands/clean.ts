/** `matrix clean`: removes what dead runs of this project left; with `--all` also images and the embedded engine. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { connectDocker } from '../engines/docker-api/connect.ts'
import { type Engine, EngineError } from '../engines/engine.ts'
import { embeddedPaths } from '../hosts/embedded-paths.ts'
import { hostName } from '../hosts/host-place.ts'
import { knownHosts } from '../hosts/kinds.ts'
import { systemClock } from '../lib/clock.ts'
import { ownerState } from '../lib/owner.ts'
import { printable } from '../lib/printable.ts'
import { projectIdOf } from '../lib/project-id.ts'
import { stateFolder } from '../lib/state-folder.ts'
import { type SweepResult, sweep } from '../run/sweep.ts'
import { endEmbedded } from './end-embedded.ts'
import { takeDown } from './hosts.ts'
import type { Io } from './io.ts'
import { lookForEngine, reportProblem } from './open-engine.ts'

export interface CleanOptions {
  readonly engine?: string
  readonly all?: boolean
}

/** Starts no engine: where none answers there is nothing to clean. Exit 3 where something could not be removed. */
export async function runClean(options: CleanOptions, io: Io): Promise<number> {
  const all = options.all === true
  const target = await lookForEngine(options.engine, io)
  if (target.kind === 'refused') return reportProblem(target.problem, io)
  const paths = embeddedPaths(io.env)
  const hostsCode = all ? await removeHosts(target.kind === 'found' ? target.endpoint : null, io) : 0
  const embeddedIsTarget = target.kind === 'found' && target.endpoint === paths.endpoint
  let code = 0
  if (target.kind === 'found') {
    try {
      await using engine = connectDocker(target.endpoint, target.access)
      const result = await sweep(engine, {
        project: projectIdOf(io.cwd),
        nowMs: Date.parse(systemClock.wall()),
        ownerState,
        all,
        signal: io.signal,
      })
      code = tell(result, io)
      // In the embedded engine they go with its data.
      if (all && !embeddedIsTarget) await removeOwnImages(engine, io)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return reportProblem(
        { kind: 'machine', message: error.message, hint: error.hint ?? 'matrix doctor says more.' },
        io,
      )
    }
  } else {
    io.stdout('no engine answers, so nothing is left in one\n')
  }
  if (!all) return code
  const ended = hostsCode === 0 ? await endEmbedded(io, { purge: true }) : hostsCode
  // Layers are kept for engines to come; where something stays, so do they.
  if (ended === 0) rmSync(join(stateFolder(io.env), 'layers'), { recursive: true, force: true })
  return Math.max(code, ended)
}

/** @param endpoint of the local engine; null: none answers, and only a virtual machine can be running */
async function removeHosts(endpoint: string | null, io: Io): Promise<number> {
  const hosts = knownHosts(io.env, projectIdOf(io.cwd))
    .filter(({ kind }) => endpoint !== null || kind === 'vm')
    .map((spec) => ({ name: hostName(spec), spec, environments: [] }))
  await using local = connectDocker(endpoint ?? embeddedPaths(io.env).endpoint)
  return takeDown(hosts, { local, mayInstall: false, purge: true, io })
}

function tell(result: SweepResult, io: Io): 0 | 3 {
  for (const { kind, name } of result.removed) io.stdout(printable(`removed ${kind} ${name}\n`))
  for (const { resource, error } of result.failed) {
    io.stderr(printable(`matrix: ${resource.kind} ${resource.name} could not be removed: ${error.message}\n`))
  }
  const count = result.removed.length
  io.stdout(count === 0 ? 'nothing was left behind\n' : `${count} ${count === 1 ? 'thing' : 'things'} removed\n`)
  return result.failed.length === 0 ? 0 : 3
}

/** Base images and the helper's, which belong to no project; those in use stay. */
async function removeOwnImages(engine: Engine, io: Io): Promise<void> {
  for (const role of ['base', 'helper-image', 'host-image']) {
    for (const image of await engine.list('image', { 'matrix.role': role }, io)) {
      try {
        await engine.images.remove(image.id, io)
        io.stdout(printable(`removed image ${image.name}\n`))
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        io.stdout(printable(`kept image ${image.name}: ${error.message}\n`))
      }
    }
  }
}
