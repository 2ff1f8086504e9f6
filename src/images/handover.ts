/** Hands images over through a registry: the builder gives each to it once, and every engine that reaches it takes it by digest. */
import type { Engine, ImageFacts, RegistryLogin } from '../engines/engine.ts'
import { told } from '../engines/engine.ts'
import { patience } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import { oneLine } from '../lib/printable.ts'

/** A registry as it is used: with the password itself. */
export interface UsedRegistry {
  /** `host[:port][/path]`. */
  readonly address: string
  readonly login?: RegistryLogin
}

export interface HandoverDeps {
  readonly builder: Engine
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

interface NamedImage {
  readonly id: string
  /** `repository:tag`, which the registry gets it under below its own address. */
  readonly name: string
}

/** A registry that says nothing for this long is none that images can be handed over through. */
const silentMs = 90_000
const tellEveryMs = 10_000

export class Handover {
  readonly #deps: HandoverDeps
  readonly #pushes = new Map<string, Promise<string>>()
  /** Registries that an engine could not use, the builder's own under itself: told once, and not waited for again. */
  readonly #useless = new Map<Engine, Set<string>>()

  constructor(deps: HandoverDeps) {
    this.#deps = deps
  }

  /**
   * Resolves with the image as `engine` has it then; null where it could not be handed over, which is told, and it has to
   * be sent. Rejects only with the signal's reason.
   */
  async fetch(engine: Engine, image: NamedImage, registry: UsedRegistry): Promise<ImageFacts | null> {
    const { builder, signal } = this.#deps
    const { address, login } = registry
    if (this.#isUseless(builder, address) || this.#isUseless(engine, address)) return null
    let digest: string
    try {
      digest = await this.#pushed(image, registry)
    } catch (error) {
      return this.#givenUp(builder, { address, error, what: `${image.name} cannot be given to ${address}` })
    }
    try {
      const reference = `${address}/${repositoryOf(image.name)}@${digest}`
      const what = `${engine.endpoint} takes ${image.name} from ${address}`
      return await this.#patiently(what, (options) =>
        engine.images.pull(reference, { ...options, ...withLogin(login) }),
      )
    } catch (error) {
      signal.throwIfAborted()
      const what = `${engine.endpoint} cannot take ${image.name} from ${address}`
      return this.#givenUp(engine, { address, error, what })
    }
  }

  /** The digest of what the registry has then. */
  #pushed(image: NamedImage, { address, login }: UsedRegistry): Promise<string> {
    const key = `${address} ${image.id}`
    let push = this.#pushes.get(key)
    if (push === undefined) {
      const reference = `${address}/${image.name}`
      push = this.#patiently(`giving ${image.name} to ${address}`, async (options) => {
        const pushed = await this.#deps.builder.images.push(image.id, { ...options, reference, ...withLogin(login) })
        return pushed.digest
      })
      this.#pushes.set(key, push)
    }
    return push
  }

  async #patiently<T>(
    what: string,
    work: (options: { readonly signal: AbortSignal; readonly onProgress: (text: string) => void }) => Promise<T>,
  ): Promise<T> {
    const { clock, signal } = this.#deps
    using limit = patience(silentMs, signal)
    this.#deps.onProgress(what)
    let toldAt = clock.now()
    const onProgress = (text: string) => {
      limit.renew()
      if (clock.now() - toldAt < tellEveryMs) return
      toldAt = clock.now()
      this.#deps.onProgress(`${what}: ${oneLine(text, 200)}`)
    }
    return await work({ signal: limit.signal, onProgress })
  }

  #isUseless(engine: Engine, address: string): boolean {
    return this.#useless.get(engine)?.has(address) === true
  }

  #givenUp(
    engine: Engine,
    trouble: { readonly address: string; readonly error: unknown; readonly what: string },
  ): null {
    this.#deps.signal.throwIfAborted()
    if (!this.#isUseless(engine, trouble.address)) {
      this.#deps.onProgress(`${trouble.what}, so images are sent: ${told(trouble.error, 500)}`)
    }
    const known = this.#useless.get(engine) ?? new Set()
    this.#useless.set(engine, known.add(trouble.address))
    return null
  }
}

const withLogin = (login: RegistryLogin | undefined) => (login === undefined ? {} : { login })
const repositoryOf = (name: string) => name.slice(0, name.lastIndexOf(':'))
