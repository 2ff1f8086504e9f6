/** Brings images from the engine that built them to the engines that run them: once each, and only what is missing. */
import type { Engine } from '../engines/engine.ts'
import { EngineError } from '../engines/engine.ts'
import type { Clock } from '../lib/clock.ts'

export interface DistributionDeps {
  readonly builder: Engine
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

export interface Delivery {
  /** What was sent; 0 where the engine had the image. */
  readonly bytes: number
}

export class Distribution {
  readonly #deps: DistributionDeps
  readonly #deliveries = new WeakMap<Engine, Map<string, Promise<Delivery>>>()
  #bytes = 0
  #busyMs = 0

  constructor(deps: DistributionDeps) {
    this.#deps = deps
  }

  /** Bytes sent so far, to all engines together. */
  get bytes(): number {
    return this.#bytes
  }

  /** Milliseconds spent on deliveries, each counted from its own start. */
  get busyMs(): number {
    return this.#busyMs
  }

  /** Resolves when `engine` holds the image of this id, verified after its arrival. Rejects with `EngineError`. */
  deliver(engine: Engine, imageId: string): Promise<Delivery> {
    if (engine === this.#deps.builder) return Promise.resolve({ bytes: 0 })
    const known = this.#deliveries.get(engine) ?? new Map<string, Promise<Delivery>>()
    this.#deliveries.set(engine, known)
    let delivery = known.get(imageId)
    if (delivery === undefined) {
      delivery = this.#send(engine, imageId)
      delivery.catch(() => known.delete(imageId))
      known.set(imageId, delivery)
    }
    return delivery
  }

  async #send(engine: Engine, imageId: string): Promise<Delivery> {
    const { builder, clock, signal } = this.#deps
    if ((await engine.images.inspect(imageId, { signal })) !== null) return { bytes: 0 }
    const startedAt = clock.now()
    const archive = await builder.images.save(imageId, { signal })
    let bytes = 0
    archive.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    await engine.images.load(archive, { signal })
    this.#bytes += bytes
    this.#busyMs += clock.now() - startedAt
    if ((await engine.images.inspect(imageId, { signal })) === null) {
      throw new EngineError('failed', `${engine.endpoint} took the archive of ${imageId} and has no such image`)
    }
    return { bytes }
  }
}
