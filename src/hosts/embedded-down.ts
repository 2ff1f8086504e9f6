/** Ends the embedded engine, and with `purge` its data; touches no other process and no other folder. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../lib/clock.ts'
import { childrenOf, commandLineOf, processIds, sendSignal } from '../lib/process-table.ts'
import { removeTree } from '../lib/remove-tree.ts'
import { removeDevices } from './embedded-devices.ts'
import { restoreNetwork } from './embedded-network.ts'
import { containerdSocket, type EmbeddedPaths, embeddedPaths } from './embedded-paths.ts'
import { embeddedPid, endContainerd, endProcess } from './embedded-process.ts'
import { takeLock } from './machine-lock.ts'
import type { HostProblem } from './problem.ts'

export interface DownRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly purge: boolean
  readonly signal: AbortSignal
  /** What is being deleted. */
  readonly onProgress: (text: string) => void
}
export type DownResult =
  /** `stopped`, `purged`: whether there was something to stop, and to delete. */
  | { readonly ok: true; readonly stopped: boolean; readonly purged: boolean }
  | { readonly ok: false; readonly problem: HostProblem }

// The engine itself gives its containers 15 s.
const graceMs = 40_000

/**
 * Stops by pid only, after a look at what that process is. Rejects only with the signal's reason: before anything is done,
 * or while data are deleted that no engine finds any more; the next purge takes what is left of them.
 */
export async function stopEmbedded(request: DownRequest): Promise<DownResult> {
  const paths = embeddedPaths(request.env)
  if (!existsSync(paths.runDir) && !existsSync(paths.stateDir)) return { ok: true, stopped: false, purged: false }
  try {
    using _lock = await takeLock(paths.lock, { signal: request.signal })
    const pid = embeddedPid(paths)
    const hasData = existsSync(paths.dataRoot) || existsSync(asideOf(paths.dataRoot))
    if (pid !== null) await endProcess(pid, graceMs)
    await endContainerd(paths)
    await endShims(paths)
    await unmountLeftovers([paths.execRoot, paths.dataRoot])
    await removeDevices(paths, request.env)
    await restoreNetwork(paths, request.env)
    for (const path of [paths.pidFile, paths.socket]) rmSync(path, { force: true })
    await rm(paths.execRoot, { recursive: true, force: true })
    if (request.purge) {
      for (const path of [paths.log, `${paths.log}.1`, paths.config, paths.serviceMark]) rmSync(path, { force: true })
      await deleteData(paths.dataRoot, request)
    }
    return { ok: true, stopped: pid !== null, purged: request.purge && hasData }
  } catch (error) {
    request.signal.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    return {
      ok: false,
      problem: {
        kind: 'machine',
        message: `the embedded engine could not be ${request.purge ? 'removed' : 'stopped'}: ${message}`,
        hint: userInfo().uid === 0 ? 'Mend that, then run it again.' : 'Run it again as root.',
      },
    }
  }
}

const asideOf = (dataRoot: string): string => `${dataRoot}.deleted`

/** Half of it would be worse than none to the next engine, so it is put aside first. */
async function deleteData(dataRoot: string, { signal, onProgress }: DownRequest): Promise<void> {
  const aside = asideOf(dataRoot)
  const remove = (path: string) =>
    removeTree(path, {
      signal,
      onFolder: (name, entries) => {
        if (entries > 0) onProgress(`deleting ${join(path, name)}: ${entries} entries`)
      },
    })
  await remove(aside)
  try {
    await rename(dataRoot, aside)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    // A disk that somebody mounted there cannot be put aside.
    if (code !== 'EBUSY' && code !== 'EXDEV') throw error
    return remove(dataRoot)
  }
  await remove(aside)
}

/** An engine that ends while a container starts does not know it yet: its shim stays, and the container with it. */
async function endShims(paths: EmbeddedPaths): Promise<void> {
  const address = containerdSocket(paths)
  for (const pid of processIds()) {
    const argv = commandLineOf(pid) ?? []
    if (!/(^|\/)containerd-shim[^/]*$/.test(argv[0] ?? '') || argv[argv.indexOf('-address') + 1] !== address) continue
    // What its children leave behind becomes its own, so that they are many only for a moment.
    for (let round = 0; round < 100; round++) {
      const children = childrenOf(pid)
      if (children.length === 0) break
      for (const child of children) sendSignal(child, 'SIGKILL')
      await systemClock.sleep(50)
    }
    await endProcess(pid, 2_000)
  }
}

async function unmountLeftovers(folders: readonly string[]): Promise<void> {
  const deepestFirst = mountPoints(readFileSync('/proc/self/mountinfo', 'utf8'), folders).toReversed()
  for (const point of deepestFirst) await promisify(execFile)('umount', ['--lazy', point])
}

/**
 * Mount points below the folders, and a folder that the engine bound to itself, parents first; a disk that somebody
 * mounted there stays. Source: proc(5), `mountinfo`, fourth and fifth field, octal escapes.
 */
export function mountPoints(mountinfo: string, folders: readonly string[]): readonly string[] {
  return mountinfo
    .split('\n')
    .map((line) => {
      const [root = '', point = ''] = line.split(' ').slice(3, 5).map(unescapeOctal)
      return { root, point }
    })
    .filter(({ root, point }) =>
      folders.some((folder) => point.startsWith(`${folder}/`) || (point === folder && root !== '/')),
    )
    .map(({ point }) => point)
    .sort()
}

const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
