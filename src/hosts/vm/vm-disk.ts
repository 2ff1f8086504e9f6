/** Makes the machine's disk, kernel and keys from Debian's packages, without a registry and without a boot loader. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawnMmdebstrap } from '../../images/mmdebstrap.ts'
import { readOr } from '../../lib/files.ts'
import { spawnGroup } from '../../lib/process-group.ts'
import type { VmSpec } from '../../model/project.ts'
import { programPath } from '../embedded-process.ts'
import { earlyFiles, guestFiles, guestLinks, guestPackages, guestSetup } from './guest.ts'
import type { VmFiles } from './vm-files.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What a machine is made from; another one is made anew. */
export const recipe = (spec: VmSpec): string =>
  `${JSON.stringify({ spec, guestPackages, earlyFiles, files: guestFiles(''), guestLinks, guestSetup })}\n`

export const isMade = (files: VmFiles, spec: VmSpec): boolean => readOr(files.made, '') === recipe(spec)

/** Rejects with an `Error` that says which step failed, or with the signal's reason. */
export async function makeDisk(
  files: VmFiles,
  options: {
    readonly spec: VmSpec
    readonly folder: string
    readonly env: Env
    readonly signal: AbortSignal
    readonly onProgress: (text: string) => void
  },
): Promise<void> {
  const { spec, signal, onProgress } = options
  const root = join(options.folder, 'root')
  const env = { ...options.env, PATH: programPath(options.env) }
  rmSync(files.made, { force: true })
  await rm(root, { recursive: true, force: true })
  try {
    onProgress(`making a virtual machine from the packages of Debian ${spec.release}: about a minute`)
    const packages = [
      ...['--quiet', '--variant=minbase', '--format=directory', `--include=${guestPackages.join(',')}`],
      ...['doc', 'man', 'info', 'locale', 'lintian'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      ...Object.entries(earlyFiles).map(([path, text]) => `--essential-hook=${writeHook(path, text)}`),
      `--customize-hook=chroot "$1" /bin/sh -c ${quoted(guestSetup)}`,
      ...[spec.release, root],
    ]
    await ending('mmdebstrap', spawnMmdebstrap(packages, { env, signal }), signal)
    keepKeys(root, files)
    for (const { path, text, mode } of guestFiles(readFileSync(join(root, 'root/key.pub'), 'utf8'))) {
      place(root, path, (at) => writeFileSync(at, text, { mode: mode ?? 0o644 }))
    }
    chmodSync(join(root, 'root/.ssh'), 0o700)
    for (const [path, target] of Object.entries(guestLinks)) place(root, path, (at) => symlinkSync(target, at))
    for (const name of ['key', 'key.pub']) rmSync(join(root, 'root', name))
    copyFileSync(join(root, 'boot', bootFile(root, 'vmlinuz-')), files.kernel)
    copyFileSync(join(root, 'boot', bootFile(root, 'initrd.img-')), files.initrd)
    onProgress('writing its disk')
    rmSync(files.disk, { force: true })
    writeFileSync(files.disk, '', { mode: 0o600 })
    truncateSync(files.disk, spec.diskBytes)
    const disk = ['-q', '-F', '-L', 'matrix-vm', '-d', root, files.disk]
    await ending('mkfs.ext4', spawnGroup('mkfs.ext4', disk, { env, signal }), signal)
    signal.throwIfAborted()
    writeFileSync(files.made, recipe(spec))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function keepKeys(root: string, files: VmFiles): void {
  copyFileSync(join(root, 'root/key'), files.key)
  chmodSync(files.key, 0o600)
  copyFileSync(join(root, 'etc/ssh/ssh_host_ed25519_key.pub'), files.hostKey)
}

/** Replaces what is there, a link of the new root's own too: it must not be followed into this machine. */
function place(root: string, path: string, write: (at: string) => void): void {
  const at = join(root, path)
  mkdirSync(dirname(at), { recursive: true })
  rmSync(at, { force: true })
  write(at)
}

function bootFile(root: string, prefix: string): string {
  const name = readdirSync(join(root, 'boot')).find((file) => file.startsWith(prefix))
  if (name === undefined) throw new Error(`the packages brought no /boot/${prefix}*`)
  return name
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const writeHook = (path: string, text: string): string =>
  `mkdir -p "$1${dirname(path)}" && printf %s ${quoted(text)} > "$1${path}"`

function ending(program: string, child: ReturnType<typeof spawnGroup>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout.resume()
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-3000)
    })
    let failure: Error | undefined
    child.on('error', (error) => {
      failure = error
    })
    child.on('close', (code) => {
      if (signal.aborted) reject(signal.reason)
      else if (failure !== undefined) reject(failure)
      else if (code === 0) resolve()
      else reject(new Error(`${program} ended with ${code}: ${said.trim().split('\n').slice(-6).join(' | ')}`))
    })
  })
}
