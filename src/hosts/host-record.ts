/** What is remembered on this machine of a host that was brought up: by it later commands know of it, whatever the project says by then. */
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../lib/files.ts'
import { projectIdOf } from '../lib/project-id.ts'
import type { HostSpec } from '../model/project.ts'
import { type Env, hostFolder, hostName, hostsFolder } from './host-place.ts'

export interface HostRecord {
  readonly spec: HostSpec
  /** Folder of the project that it is for. */
  readonly root: string
  /** Of the engine that it is a container of; null for one that needs none. */
  readonly engine: string | null
  /** It came up once, so that what it takes of the machine is taken already. */
  readonly made: boolean
}

const fileIn = (folder: string): string => join(folder, 'host.json')

/** @param folder the host's own; null where it was never brought up */
export function readRecord(folder: string): HostRecord | null {
  try {
    const record = JSON.parse(readFileSync(fileIn(folder), 'utf8')) as Partial<HostRecord>
    // Of one that an earlier version brought up it is not written whether it came up.
    const { spec, root, engine, made = true } = record
    return spec === undefined || root === undefined || engine === undefined ? null : { spec, root, engine, made }
  } catch {
    return null // a lock, or a folder that nobody finished
  }
}

export function writeRecord(folder: string, record: HostRecord): void {
  writeFileSync(fileIn(folder), `${JSON.stringify(record)}\n`)
}

/** The hosts that a project has had brought up on this machine and not taken away. */
export function knownHosts(env: Env, root: string): readonly HostRecord[] {
  return recordsOf(env, projectIdOf(root))
}

/** Names of those of a project that came up once. */
export function madeHosts(env: Env, root: string): ReadonlySet<string> {
  return new Set(knownHosts(env, root).flatMap(({ made, spec }) => (made ? [hostName(spec)] : [])))
}

/** Those of projects whose folder is no longer there, so that no command run in it can take them away. */
export function forsakenHosts(env: Env): readonly HostRecord[] {
  return allHosts(env).filter(({ root }) => isGone(root))
}

/** Of every project of this user. */
export function allHosts(env: Env): readonly HostRecord[] {
  return namesIn(hostsFolder(env)).flatMap((project) => recordsOf(env, project))
}

/** The project's folder of hosts, once none is left in it, and nobody waits in it to bring one up. */
export function forgetHosts(env: Env, root: string): void {
  const folder = join(hostsFolder(env), projectIdOf(root))
  if (namesIn(folder).some((name) => name.includes('.lock'))) return
  if (knownHosts(env, root).length === 0) rmSync(folder, { recursive: true, force: true })
}

/** One that went with its engine. */
export function forgetHost(env: Env, { root, spec }: Pick<HostRecord, 'root' | 'spec'>): void {
  rmSync(hostFolder(env, projectIdOf(root), hostName(spec)), { recursive: true, force: true })
}

function recordsOf(env: Env, project: string): readonly HostRecord[] {
  const folder = join(hostsFolder(env), project)
  return namesIn(folder).flatMap((name) => readRecord(join(folder, name)) ?? [])
}

/** What cannot be looked at may be there. */
function isGone(path: string): boolean {
  try {
    lstatSync(path)
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR'
  }
}
