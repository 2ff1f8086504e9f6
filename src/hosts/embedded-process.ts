/** The embedded engine's process: whether a pid really is it, starting it, and ending it without touching another. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../lib/clock.ts'
import { readOr } from '../lib/files.ts'
import { commandLineOf, namespaceOf, processIds, sendSignal } from '../lib/process-table.ts'
import type { EmbeddedPaths } from './embedded-paths.ts'

/** The pid of the engine that works on our data root; null where none runs. */
export function embeddedPid(paths: EmbeddedPaths): number | null {
  const pid = Number(readOr(paths.pidFile, ''))
  if (!Number.isInteger(pid) || pid <= 1) return null
  return isEngineOn(paths, pid) ? pid : null
}

// A pid file may be older than the process that has its number now.
function isEngineOn(paths: EmbeddedPaths, pid: number): boolean {
  const argv = commandLineOf(pid) ?? []
  return isDockerd(argv) && argv.some((word) => word === paths.dataRoot || word === `--data-root=${paths.dataRoot}`)
}

const isDockerd = (argv: readonly string[]): boolean => /(^|\/)dockerd$/.test(argv[0] ?? '')

/** Another engine that shares this network namespace, whose networks a second one would take apart when it starts. */
export function rivalEngine(paths: EmbeddedPaths): { readonly pid: number; readonly argv: readonly string[] } | null {
  const here = namespaceOf('self', 'net')
  for (const pid of processIds()) {
    const argv = commandLineOf(pid) ?? []
    if (isDockerd(argv) && !isEngineOn(paths, pid) && namespaceOf(pid, 'net') === here) return { pid, argv }
  }
  return null
}

/** Starts it detached: it outlives this process and does not hear the terminal's Ctrl-C. */
export function startEngine(
  paths: EmbeddedPaths,
  env: Readonly<Record<string, string | undefined>>,
): { readonly process: ChildProcess; readonly ended: Promise<string> } {
  for (const folder of [paths.stateDir, paths.runDir]) mkdirSync(folder, { recursive: true, mode: 0o755 })
  rmSync(paths.pidFile, { force: true })
  rmSync(paths.socket, { force: true })
  // Its own, so that /etc/docker/daemon.json, which belongs to another engine, does not reach it.
  // Images are called by their configs here, which containerd's store of images does not.
  writeFileSync(paths.config, '{ "features": { "containerd-snapshotter": false } }\n')
  keepLastLog(paths.log)
  const log = openSync(paths.log, 'a', 0o640)
  const child = spawn(
    'dockerd',
    [
      ...['--config-file', paths.config],
      ...['--data-root', paths.dataRoot],
      ...['--exec-root', paths.execRoot],
      ...['--pidfile', paths.pidFile],
      ...['-H', paths.endpoint],
      // A system containerd, where one runs, is shared with other engines: names keep them apart.
      ...['--containerd-namespace', 'matrix', '--containerd-plugins-namespace', 'matrix-plugins'],
    ],
    { detached: true, stdio: ['ignore', log, log], cwd: '/', env: { ...env, PATH: programPath(env) } },
  )
  closeSync(log)
  child.unref()
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal))
  })
  return { process: child, ended }
}

/** Administrators' programs are not on every user's PATH. */
export function programPath(env: Readonly<Record<string, string | undefined>>): string {
  return `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`
}

/** SIGTERM, and SIGKILL after `graceMs`. Resolves when the process is gone; true where it went by itself. */
export async function endProcess(pid: number, graceMs: number): Promise<boolean> {
  const start = commandLineOf(pid)?.join('\0')
  const lives = () => commandLineOf(pid)?.join('\0') === start
  if (start === undefined) return true
  sendSignal(pid, 'SIGTERM')
  for (let waitedMs = 0; waitedMs < graceMs; waitedMs += 100) {
    if (!lives()) return true
    await systemClock.sleep(100)
  }
  sendSignal(pid, 'SIGKILL')
  while (lives()) await systemClock.sleep(50)
  return false
}

/**
 * Ends the containerd that an engine which was killed has left behind, or that is just ending with it: the next engine would
 * take it for its own, and wait for it in vain. Its containers stay.
 */
export async function endContainerd({ execRoot }: EmbeddedPaths): Promise<void> {
  const pidFile = join(execRoot, 'containerd/containerd.pid')
  const pid = Number(readOr(pidFile, ''))
  if (!Number.isInteger(pid) || pid <= 1) return
  const argv = commandLineOf(pid) ?? []
  if (argv.some((word) => word.startsWith(`${execRoot}/`))) await endProcess(pid, 5_000)
  rmSync(pidFile, { force: true })
}

/** What the engine said last, for an error message. */
export function logTail(paths: EmbeddedPaths, lines = 12): string {
  return readOr(paths.log, '').trimEnd().split('\n').slice(-lines).join('\n')
}

function keepLastLog(path: string): void {
  try {
    renameSync(path, `${path}.1`)
  } catch {
    // There is none yet.
  }
}
