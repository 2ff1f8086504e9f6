/** Brings images from the engine that built them to the engines that run them: once each, and only the layers that are missing, or through a registry. */
import { Transform } from 'node:stream'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Engine, EngineHost, ImageFacts } from '../engines/engine.ts'
import { EngineError } from '../engines/engine.ts'
import type { Clock } from '../lib/clock.ts'
import { packArchive } from './archive.ts'
import { Handover, type UsedRegistry } from './handover.ts'
import type { LayerStore, StoredImage } from './layer-store.ts'

export interface DistributionDeps {
  readonly builder: Engine
  readonly store: LayerStore
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
  /** How many images are sent at a time to engines of this machine, which share its processors and its disk. */
  readonly concurrency: number
  /** Called where one of these begins; disposed of when it has ended. */
  readonly busy: () => Disposable
}

/** How an image came to be on an engine, of a cluster on any of its machines: it was there, a registry gave it, or it was sent. */
export interface Delivery {
  readonly how: 'present' | 'fetched' | 'sent'
  /** What was sent. */
  readonly bytes: number
}

export interface DeliveredImage {
  readonly id: string
  /** What it is called in progress, the tag that it gets where it is sent, and its repository in a registry. */
  readonly name: string
}

/** What is known of one engine. */
interface Receiver {
  readonly deliveries: Map<string, Promise<Delivery>>
  /** The layers of every image that it holds, the lowest first. */
  stacks: Promise<(readonly string[])[]> | null
  /** One image at a time, so that layers that two share are sent once. */
  readonly limit: LimitFunction
}

interface Wanted {
  readonly image: DeliveredImage
  readonly registry: UsedRegistry | null
}

const present: Delivery = { how: 'present', bytes: 0 }
const attempts = 3
const pauseMs = 1_000
const tellEveryMs = 10_000

export class Distribution {
  readonly #deps: DistributionDeps
  readonly #receivers = new Map<Engine, Receiver>()
  readonly #handover: Handover
  readonly #hereLimit: LimitFunction
  #bytes = 0
  #busyMs = 0
  #fetched = 0

  constructor(deps: DistributionDeps) {
    this.#deps = deps
    this.#handover = new Handover(deps)
    this.#hereLimit = pLimit(deps.concurrency)
  }

  /** Bytes sent so far, to all engines together. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many images a registry gave, counted on each machine. */
  get fetched(): number {
    return this.#fetched
  }

  /** Milliseconds spent on deliveries, each counted from its own start. */
  get busyMs(): number {
    return this.#busyMs
  }

  /**
   * Resolves when `engine` holds the image of this id, verified after its arrival. Rejects with `EngineError`.
   * @param registry where it is handed over; where that cannot be, or there is none, the image is sent
   */
  async deliver(engine: Engine, image: DeliveredImage, registry: UsedRegistry | null = null): Promise<Delivery> {
    const { builder, signal } = this.#deps
    if (engine === builder) return present
    // Each machine of a cluster has layers of its own.
    const machines = await engine.hosts({ signal })
    const deliveries = await Promise.all(
      machines.map((machine) => this.#deliverTo(machine, { engine, image, registry })),
    )
    const happened = (how: Delivery['how']) => deliveries.some((delivery) => delivery.how === how)
    return {
      how: happened('sent') ? 'sent' : happened('fetched') ? 'fetched' : 'present',
      bytes: deliveries.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  /** Resolves once all that was to be brought to this one machine is there, or cannot be. */
  async settled(machine: Engine): Promise<void> {
    const { deliveries } = this.#receiver(machine)
    let known: number
    do {
      known = deliveries.size
      await Promise.allSettled(deliveries.values())
    } while (deliveries.size > known)
  }

  async #deliverTo(machine: EngineHost, what: Wanted & { readonly engine: Engine }): Promise<Delivery> {
    try {
      return await this.#deliverOnce(machine.engine, what)
    } catch (error) {
      // A machine that has gone away needs no image; its cluster goes on without it.
      const left = await what.engine.hosts({ signal: this.#deps.signal })
      if (left.some((one) => one.engine === machine.engine)) throw error
      return present
    }
  }

  #deliverOnce(engine: Engine, { image, registry }: Wanted): Promise<Delivery> {
    const receiver = this.#receiver(engine)
    let delivery = receiver.deliveries.get(image.id)
    if (delivery === undefined) {
      delivery = receiver.limit(() => this.#deliver(engine, { receiver, image, registry }))
      receiver.deliveries.set(image.id, delivery)
      // What could not be sent now may be sent for the next cell.
      delivery.catch(() => receiver.deliveries.delete(image.id))
    }
    return delivery
  }

  #receiver(engine: Engine): Receiver {
    let receiver = this.#receivers.get(engine)
    if (receiver === undefined) {
      receiver = { deliveries: new Map(), stacks: null, limit: pLimit(1) }
      this.#receivers.set(engine, receiver)
    }
    return receiver
  }

  async #deliver(engine: Engine, what: Wanted & { readonly receiver: Receiver }): Promise<Delivery> {
    const { signal } = this.#deps
    const { image, receiver, registry } = what
    // One that was refused after its arrival is there too.
    const there = await engine.images.inspect(image.id, { signal })
    if (there !== null && (await this.#isBuilt(there, image))) return present
    if (registry !== null && (await this.#timed(() => this.#fetch(engine, image, registry)))) {
      receiver.stacks = null
      this.#fetched += 1
      return { how: 'fetched', bytes: 0 }
    }
    const send = () => this.#timed(() => this.#sendUntilThere(engine, { image, receiver }))
    const sendHere = async () => {
      using _busy = this.#deps.busy()
      return await send()
    }
    const isHere = engine.endpoint.startsWith('unix://')
    return { how: 'sent', bytes: await (isHere ? this.#hereLimit(sendHere) : send()) }
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    const { clock } = this.#deps
    const startedAt = clock.now()
    try {
      return await work()
    } finally {
      this.#busyMs += clock.now() - startedAt
    }
  }

  /** Whether the engine has it then, verified. */
  async #fetch(engine: Engine, image: DeliveredImage, registry: UsedRegistry): Promise<boolean> {
    const { onProgress } = this.#deps
    const fetched = await this.#handover.fetch(engine, image, registry)
    if (fetched === null) return false
    if (await this.#isBuilt(fetched, image)) return true
    onProgress(`${registry.address} gave ${engine.endpoint} another image than ${image.name}; sending it`)
    return false
  }

  /** Whether an engine has what the builder has, under its id and with its layers. */
  async #isBuilt(found: ImageFacts, { id }: DeliveredImage): Promise<boolean> {
    const { builder, signal } = this.#deps
    const built = await builder.images.inspect(id, { signal })
    return built !== null && isSame(found, built)
  }

  /** What was sent, in bytes. */
  async #sendUntilThere(
    engine: Engine,
    { image, receiver }: { readonly image: DeliveredImage; readonly receiver: Receiver },
  ): Promise<number> {
    const { builder, clock, signal, store } = this.#deps
    const stored = await store.keep(builder, image.id, { signal })
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(engine, { ...image, receiver, stored })
      } catch (error) {
        // It may hold other layers by now than it did.
        receiver.stacks = null
        const again = error instanceof EngineError && error.code === 'unreachable' && attempt < attempts
        if (!again || signal.aborted) throw error
        this.#deps.onProgress(`${image.name}: the connection to ${engine.endpoint} broke; sending it again`)
        await clock.sleep(pauseMs * attempt, signal)
      }
    }
  }

  async #send(
    engine: Engine,
    image: DeliveredImage & { readonly receiver: Receiver; readonly stored: StoredImage },
  ): Promise<number> {
    const { clock, onProgress, signal } = this.#deps
    const { receiver, stored } = image
    receiver.stacks ??= stacksOf(engine, signal)
    const present = sharedLayers(
      stored.layers.map((layer) => layer.diffId),
      await receiver.stacks,
    )
    const missing = stored.layers.slice(present)
    const total = missing.reduce((sum, layer) => sum + layer.sizeBytes, 0)
    const archive = packArchive({
      config: stored.config,
      layers: stored.layers.map(({ diffId, path, sizeBytes }, index) => ({
        diffId,
        file: index < present ? null : { path, sizeBytes },
      })),
      tags: [image.name],
    })
    let bytes = 0
    let toldAt = clock.now()
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length
        if (clock.now() - toldAt > tellEveryMs) {
          toldAt = clock.now()
          onProgress(`sending ${image.name} to ${engine.endpoint}: ${megabytes(bytes)} of ${megabytes(total)} MB`)
        }
        done(null, chunk)
      },
    })
    archive.on('error', (error) => counted.destroy(error))
    try {
      await engine.images.load(archive.pipe(counted), { signal })
    } finally {
      archive.destroy()
    }
    await this.#verify(engine, stored)
    this.#bytes += bytes
    ;(await receiver.stacks).push(stored.layers.map((layer) => layer.diffId))
    return bytes
  }

  async #verify(engine: Engine, stored: StoredImage): Promise<void> {
    const arrived = await engine.images.inspect(stored.id, { signal: this.#deps.signal })
    if (arrived === null) {
      throw new EngineError('failed', `${engine.endpoint} took the archive of ${stored.id} and has no such image`)
    }
    if (!isSame(arrived, { id: stored.id, layers: stored.layers.map((layer) => layer.diffId) })) {
      throw new EngineError('failed', `${engine.endpoint} holds other layers under ${stored.id} than were sent`)
    }
  }
}

type Identity = Pick<ImageFacts, 'id' | 'layers'>

/** The config's hash is the id, so an engine that has it under its id and unpacked these layers has the same image. */
const isSame = (one: Identity, other: Identity): boolean =>
  one.id === other.id && one.layers.join() === other.layers.join()

async function stacksOf(engine: Engine, signal: AbortSignal): Promise<(readonly string[])[]> {
  const images = await engine.list('image', {}, { signal })
  const stacks = await Promise.all(images.map((image) => engine.images.inspect(image.id, { signal })))
  return stacks.flatMap((image) => (image === null ? [] : [image.layers]))
}

/** How many of the lowest layers stand below another image already, in the same order: the engine keeps a layer by all below it. */
export function sharedLayers(layers: readonly string[], stacks: readonly (readonly string[])[]): number {
  const shared = (stack: readonly string[]) => {
    const end = layers.findIndex((layer, index) => layer !== stack[index])
    return end < 0 ? layers.length : end
  }
  return Math.max(0, ...stacks.map(shared))
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
