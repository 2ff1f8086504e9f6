/** Hears of containers that end, from the engine's event stream, so that nobody has to poll. */
import { type Engine, EngineError, type Labels } from '../engines/engine.ts'

/** `lost`: the stream broke or the container's machine went away, so that nothing can be said of it. */
export type ContainerDeath = Died | Lost
interface Died {
  readonly kind: 'died'
  readonly exitCode: number | null
  readonly oomKilled: boolean
}
interface Lost {
  readonly kind: 'lost'
  readonly error: unknown
}

export class DeathWatch {
  readonly #deaths = new Map<string, Died>()
  readonly #losses = new Map<string, Lost>()
  readonly #listeners = new Map<string, Set<(death: ContainerDeath) => void>>()
  readonly #oom = new Set<string>()
  readonly #expected = new Set<string>()
  #lost: Lost | undefined

  /** Listens from the moment that the promise resolves until `signal` aborts. */
  static async start(
    engine: Engine,
    options: { readonly labels: Labels; readonly signal: AbortSignal },
  ): Promise<DeathWatch> {
    const watch = new DeathWatch()
    const events = await engine.watch(options.labels, { signal: options.signal })
    void (async () => {
      try {
        for await (const event of events) {
          if (event.action === 'oom') watch.#oom.add(event.container)
          if (event.action === 'start') {
            watch.#expected.delete(event.container)
            watch.#deaths.delete(event.container)
          }
          if (event.action === 'lost') {
            const error = new EngineError('node-lost', 'the machine that it ran on has gone away from the cluster')
            const loss = { kind: 'lost', error } as const
            watch.#losses.set(event.container, loss)
            watch.#tell(event.container, loss)
          }
          if (event.action === 'die') watch.#announce(event.container, event.exitCode)
        }
        if (!options.signal.aborted) watch.#lose(new Error('the event stream of the engine ended'))
      } catch (error) {
        if (!options.signal.aborted) watch.#lose(error)
      }
    })()
    return watch
  }

  /** Resolves when the container ends unexpectedly; at once where it already has. Never rejects. */
  next(container: string): Promise<ContainerDeath> {
    const known = this.known(container)
    if (known) return Promise.resolve(known)
    return new Promise((resolve) => {
      const listeners = this.#listeners.get(container) ?? new Set()
      listeners.add(resolve)
      this.#listeners.set(container, listeners)
    })
  }

  /** What is known by now; undefined while it lives. An end that was heard of stays one, whatever is lost after it. */
  known(container: string): ContainerDeath | undefined {
    return this.#deaths.get(container) ?? this.#losses.get(container) ?? this.#lost
  }

  /** Why nothing more is heard of it, also where it had ended before; null while it would be. */
  lossOf(container: string): unknown {
    return (this.#losses.get(container) ?? this.#lost)?.error ?? null
  }

  /** Whether the kernel killed a process of the container for want of memory, the main one or another. */
  sawOom(container: string): boolean {
    return this.#oom.has(container)
  }

  /** The container is about to end on purpose: until it starts again, its end is not a death. */
  expect(container: string): void {
    this.#expected.add(container)
  }

  #announce(container: string, exitCode: number | null): void {
    if (this.#expected.has(container)) return
    const death = { kind: 'died', exitCode, oomKilled: this.#oom.has(container) } as const
    this.#deaths.set(container, death)
    this.#tell(container, death)
  }

  #lose(error: unknown): void {
    this.#lost = { kind: 'lost', error }
    for (const container of this.#listeners.keys()) this.#tell(container, this.#lost)
  }

  #tell(container: string, death: ContainerDeath): void {
    for (const listener of this.#listeners.get(container) ?? []) listener(death)
    this.#listeners.delete(container)
  }
}
