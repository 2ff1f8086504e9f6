/** The distribution's packages that an engine of our own needs: which programs are missing, and installing them. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { readOr } from '../lib/files.ts'
import { stateFolder } from '../lib/state-folder.ts'
import { programPath } from './embedded-process.ts'
import { takeLock } from './machine-lock.ts'
import type { HostProblem } from './problem.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Program → the distribution's packages. `busybox` has to be the static one; Ubuntu does not have the keys by which
 * Debian's packages are trusted.
 */
const packagesOf = {
  dockerd: ['docker.io'],
  iptables: ['iptables'],
  mmdebstrap: ['mmdebstrap', 'debian-archive-keyring'],
  busybox: ['busybox-static'],
  'qemu-system-x86_64': ['qemu-system-x86'],
  'mkfs.ext4': ['e2fsprogs'],
} as const
export type Program = keyof typeof packagesOf
export const enginePrograms: readonly Program[] = ['dockerd', 'iptables']
/** They make base images and the helper's image where no registry answers. */
export const imagePrograms: readonly Program[] = ['mmdebstrap', 'busybox']
export const vmPrograms: readonly Program[] = ['qemu-system-x86_64', 'mmdebstrap', 'mkfs.ext4']

export function missingPrograms(programs: readonly Program[], env: Env): readonly Program[] {
  const folders = programPath(env).split(':').filter(Boolean)
  return programs.filter((program) => !folders.some((folder) => isExecutable(join(folder, program))))
}

/** The command that installs them by hand. */
export function installCommand(programs: readonly Program[]): string {
  const packages = programs.flatMap((program) => packagesOf[program])
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

/** The same where there are such packages; words elsewhere. @param release the text of os-release(5) */
export function howToInstall(programs: readonly Program[], release: string): string {
  return isDebian(release)
    ? installCommand(programs)
    : `install ${programs.join(', ')} with this distribution's packages, then run again`
}

/** Whether the distribution is Debian, Ubuntu or one made from them. Source: os-release(5). */
export function isDebian(osRelease: string): boolean {
  const ids = osRelease
    .split('\n')
    .flatMap((line) => /^ID(?:_LIKE)?=(.*)$/.exec(line)?.[1]?.replaceAll('"', '').split(' ') ?? [])
  return ids.includes('debian') || ids.includes('ubuntu')
}

export function osRelease(): string {
  return readOr('/etc/os-release')
}

interface Installing {
  readonly env: Env
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Null once these are there, installed where that is allowed; else what to run. @param whom who needs them, as messages call it */
export async function ensurePrograms(
  programs: readonly Program[],
  options: Installing & { readonly whom: string; readonly mayInstall: boolean },
): Promise<HostProblem | null> {
  const missing = missingPrograms(programs, options.env)
  if (missing.length === 0) return null
  const release = osRelease()
  if (options.mayInstall && isDebian(release)) return await install(missing, options)
  const how = howToInstall(missing, release)
  return {
    kind: 'machine',
    message: `${options.whom} needs ${missing.join(', ')}`,
    hint: isDebian(release) ? `Run again with --install, or run: ${how}` : `To have it, ${how}`,
  }
}

/** Installs what is still missing; null where that worked. Never asks a question; one at a time on a machine. */
export async function install(asked: readonly Program[], options: Installing): Promise<HostProblem | null> {
  using _lock = await takeLock(join(stateFolder(options.env), 'packages.lock'), options)
  const programs = missingPrograms(asked, options.env)
  if (programs.length === 0) return null
  const packages = programs.flatMap((program) => packagesOf[program])
  options.onProgress(`installing ${packages.join(', ')} with apt-get`)
  for (const args of [
    ['update', '-q'],
    ['install', '-y', '-q', '--no-install-recommends', ...packages],
  ]) {
    const failure = await aptGet(args, options)
    if (failure !== null) {
      return {
        kind: 'machine',
        message: `apt-get ${args[0]} failed: ${failure}`,
        hint: `Mend that, or install by hand: ${installCommand(programs)}`,
      }
    }
  }
  return null
}

/** Null, or the last lines that it printed. */
function aptGet(args: readonly string[], options: Installing): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...options.env, PATH: programPath(options.env), DEBIAN_FRONTEND: 'noninteractive' },
      // Its own group: a Ctrl-C in the middle of dpkg would leave the machine's packages half installed.
      detached: true,
    })
    let tail = ''
    const onData = (chunk: Buffer) => {
      const text = chunk.toString('utf8')
      tail = (tail + text).slice(-2000)
      for (const line of text.split('\n')) {
        if (/^(Setting up|Unpacking|Fetched)/.test(line)) options.onProgress(line.trim())
      }
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code) => {
      if (options.signal.aborted) reject(options.signal.reason)
      else resolve(code === 0 ? null : tail.trim().split('\n').slice(-6).join('\n') || `exit code ${code}`)
    })
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
