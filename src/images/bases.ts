/** Base images: there already, pulled where a registry answers, else bootstrapped from a distribution's packages. */
import { spawn } from 'node:child_process'
import { type Engine, EngineError, type ImageFacts } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import type { BaseRecipe } from '../model/project.ts'
import type { BaseRecord } from '../model/run-record.ts'

export interface BaseRequest {
  readonly reference: string
  readonly recipe: BaseRecipe | undefined
  /** In an engine of the user's a made base would stand in for the real one, so it is made only when asked. */
  readonly mayBootstrap: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (text: string) => void
}
export interface Base {
  readonly image: ImageFacts
  readonly record: BaseRecord
}

const label = 'matrix.base'
const pullTimeoutMs = 30_000
const underway = new WeakMap<Engine, Map<string, Promise<Base>>>()

/** Once an engine and reference, also when several builds ask at the same time. Rejects with `EngineError` of code `no-image`. */
export function ensureBase(engine: Engine, request: BaseRequest): Promise<Base> {
  const known = underway.get(engine) ?? new Map<string, Promise<Base>>()
  underway.set(engine, known)
  let base = known.get(request.reference)
  if (base === undefined) {
    base = obtainBase(engine, request)
    known.set(request.reference, base)
    base.catch(() => known.delete(request.reference))
  }
  return base
}

async function obtainBase(engine: Engine, request: BaseRequest): Promise<Base> {
  const { reference, recipe, signal } = request
  const say = request.onProgress ?? (() => {})
  const present = await engine.images.inspect(reference, { signal })
  if (present) {
    const made = present.labels[label]
    return baseOf(present, {
      reference,
      how: 'present',
      message: made === undefined ? 'was in the engine' : `was in the engine, ${made}`,
    })
  }
  let refusal: unknown
  try {
    say(`pulling ${reference}`)
    using limit = deadline(pullTimeoutMs, signal)
    const image = await engine.images.pull(reference, { signal: limit.signal, onProgress: say })
    return baseOf(image, {
      reference,
      how: 'pulled',
      message: `pulled${image.digest === null ? '' : ` as ${image.digest}`}`,
    })
  } catch (error) {
    if (signal.aborted) throw signal.reason
    refusal = error
  }
  const why = refusal instanceof Error ? refusal.message : String(refusal)
  if (recipe === undefined) {
    throw new EngineError('no-image', `${reference} is not in the engine, and ${why}`, {
      cause: refusal,
      hint: `Declare how to make it under images: in matrix.yaml, or load it into the engine.`,
    })
  }
  if (!request.mayBootstrap) {
    throw new EngineError('no-image', `${reference} is not in the engine, and ${why}`, {
      cause: refusal,
      hint: `Run again with --bootstrap to make it from ${recipe.bootstrap.distribution} ${recipe.bootstrap.suite}; it will stand under that name in your engine.`,
    })
  }
  const { suite, distribution } = recipe.bootstrap
  say(`no registry answers; making ${reference} from the packages of ${distribution} ${suite}`)
  const made = `bootstrapped from the packages of ${distribution} ${suite}`
  const image = await bootstrap(engine, { ...request, recipe, made })
  return baseOf(image, { reference, how: 'bootstrapped', message: made })
}

function baseOf(image: ImageFacts, record: Omit<BaseRecord, 'id'>): Base {
  return { image, record: { ...record, id: image.id } }
}

/** Left out of the base and of whatever a Dockerfile installs on it; licences stay. */
const unwanted = ['doc', 'man', 'info', 'locale', 'lintian'].map((folder) => `path-exclude=/usr/share/${folder}/*`)
const dpkgConfiguration = [...unwanted, 'path-include=/usr/share/doc/*/copyright'].join('\\n')

/** What an image should not carry: a package that only converts old layouts (and Perl for it), documents, package lists, logs, the machine's identity. */
const slimming = [
  '--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr',
  '--include=?exact-name(usr-is-merged)',
  `--setup-hook=mkdir -p "$1/etc/dpkg/dpkg.cfg.d" && printf '%b\\n' '${dpkgConfiguration}' > "$1/etc/dpkg/dpkg.cfg.d/slim"`,
  '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/var/cache/ldconfig/aux-cache',
  '--customize-hook=: >"$1/etc/machine-id"; rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
]

async function bootstrap(
  engine: Engine,
  request: BaseRequest & { readonly recipe: BaseRecipe; readonly made: string },
): Promise<ImageFacts> {
  const { signal, reference } = request
  const { suite, include } = request.recipe.bootstrap
  const child = spawn(
    'mmdebstrap',
    [
      '--quiet',
      '--variant=minbase',
      ...slimming,
      ...(include?.length ? [`--include=${include.join(',')}`] : []),
      suite,
      '-',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGTERM' },
  )
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4000)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const hint = error.code === 'ENOENT' ? { hint: 'apt-get install mmdebstrap' } : {}
      reject(new EngineError('no-image', `${reference} could not be made: ${error.message}`, { cause: error, ...hint }))
    })
    child.on('close', (code) => {
      if (code === 0) resolve()
      else reject(new EngineError('no-image', `mmdebstrap ended with exit code ${code ?? 'unknown'}: ${errors.trim()}`))
    })
  })
  const importing = engine.images.importRoot(child.stdout, {
    signal,
    reference,
    command: ['bash'],
    labels: { [label]: request.made, 'matrix.role': 'base' },
  })
  importing.catch(() => {})
  try {
    await ended
  } catch (error) {
    // Half a root file system may have been imported under the name.
    await importing.then(() => engine.images.remove(reference, { signal: AbortSignal.timeout(10_000) })).catch(() => {})
    throw signal.aborted ? signal.reason : error
  }
  return importing
}
