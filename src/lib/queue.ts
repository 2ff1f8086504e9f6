/** Values from several writers to one reader. */

/** Values in order, until the end or a failure. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #values: T[] = []
  #wake: () => void = () => {}
  #over: { readonly error?: unknown } | undefined

  push(value: T): void {
    this.#values.push(value)
    this.#wake()
  }

  end(): void {
    this.#over ??= {}
    this.#wake()
  }

  /** The reader gets what was pushed before, and then the error. */
  fail(error: unknown): void {
    this.#over ??= { error }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const value = this.#values.shift()
      if (value !== undefined) yield value
      else if (this.#over !== undefined && 'error' in this.#over) throw this.#over.error
      else if (this.#over !== undefined) return
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }
}
