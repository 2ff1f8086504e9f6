/** Makes an image from a distribution's packages, where no registry gives one. */
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { type Engine, EngineError, type ImageFacts, type Labels } from '../engines/engine.ts'
import { spawnMmdebstrap } from './mmdebstrap.ts'

/** Left out of the base and of whatever a Dockerfile installs on it: dpkg keeps to it in the image too. Licences stay. */
const unwanted = ['doc', 'man', 'info', 'locale', 'lintian']

/** What an image should not carry: a package that only converts old layouts (and Perl for it), documents, package lists, logs, the machine's identity. */
const slimming = [
  '--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr',
  '--include=?exact-name(usr-is-merged)',
  ...unwanted.map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/ldconfig/aux-cache',
  '--customize-hook=: >"$1/etc/machine-id"; rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
]

/** Only programs of these packages run, so nothing is converted, described, or recorded as installed. */
const baring =
  '--customize-hook=rm -rf "$1"/usr/lib/*/gconv "$1"/usr/share/man "$1"/usr/share/initramfs-tools "$1"/var/lib/apt "$1"/var/cache/apt'

/** The shell's word for a program that is not there. */
const notInstalled = 127

export interface BootstrapRequest {
  /** What the image is called afterwards. */
  readonly reference: string
  /** A release such as `bookworm`. */
  readonly suite: string
  /** Packages beside the smallest root file system. */
  readonly include: readonly string[]
  /** No root file system beside them, and none of them is configured: what the packages and their dependencies hold. */
  readonly bare?: boolean
  readonly command: readonly string[]
  readonly labels: Labels
  readonly signal: AbortSignal
}

/** Makes an image of one layer from Debian's packages. Rejects with `EngineError` of code `no-image`. */
export async function bootstrapImage(engine: Engine, request: BootstrapRequest): Promise<ImageFacts> {
  const { signal, reference, suite, include } = request
  const child = spawnMmdebstrap(
    [
      '--quiet',
      ...(request.bare === true ? ['--variant=extract', baring] : ['--variant=minbase', ...slimming]),
      ...(include.length > 0 ? [`--include=${include.join(',')}`] : []),
      suite,
      '-',
    ],
    { signal },
  )
  const { stdout, stderr } = child
  let errors = ''
  stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4000)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error) => {
      reject(new EngineError('no-image', `${reference} could not be made: ${error.message}`, { cause: error }))
    })
    child.on('close', (code) => {
      if (code === 0) return resolve()
      const hint = code === notInstalled ? { hint: 'apt-get install mmdebstrap' } : {}
      const why = `mmdebstrap ended with exit code ${code ?? 'unknown'}: ${errors.trim()}`
      reject(new EngineError('no-image', why, hint))
    })
  })
  const { command, labels } = request
  const importing = begun(stdout).then(() => engine.images.importRoot(stdout, { signal, reference, command, labels }))
  let refusal: unknown
  importing.catch((error: unknown) => {
    refusal = error
    // Nobody reads it any more, and who writes it would wait for that for ever.
    stdout.destroy()
  })
  try {
    await ended
  } catch (error) {
    signal.throwIfAborted()
    if (refusal !== undefined) throw refusal
    // Half a root file system may have been imported under the name.
    await importing.then(() => engine.images.remove(reference, { signal: AbortSignal.timeout(10_000) })).catch(() => {})
    throw error
  }
  return importing
}

/**
 * Resolves with the first bytes, or the end, of what takes minutes until then: an engine closes a connection on which it is
 * asked nothing for five minutes (Docker's `ReadHeaderTimeout`), and a request begins with its first bytes.
 */
async function begun(stream: Readable): Promise<void> {
  if (stream.readableLength === 0 && !stream.readableEnded) await once(stream, 'readable')
}
