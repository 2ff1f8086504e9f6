/** Base images: there already, pulled where a registry answers, else bootstrapped from a distribution's packages. */
import { type Engine, EngineError, type ImageFacts } from '../engines/engine.ts'
import { deadline } from '../lib/abort.ts'
import type { BaseRecipe } from '../model/project.ts'
import type { BaseRecord } from '../model/run-record.ts'
import { bootstrapImage } from './bootstrap.ts'

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
  const { include = [] } = recipe.bootstrap
  const labels = { [label]: made, 'matrix.role': 'base' }
  const image = await bootstrapImage(engine, { reference, suite, include, command: ['bash'], labels, signal })
  return baseOf(image, { reference, how: 'bootstrapped', message: made })
}

function baseOf(image: ImageFacts, record: Omit<BaseRecord, 'id'>): Base {
  return { image, record: { ...record, id: image.id } }
}
