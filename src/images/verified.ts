/** Which images of an engine were verified from their own bytes before, so that a warm run need not export them whole. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../lib/files.ts'

const unusedAfterMs = 14 * 24 * 3600 * 1000

/**
 * An image that changed has another id, and an engine whose data is elsewhere or was made anew by another is another
 * engine, so nothing is taken for verified that was not. One empty file an image: runs beside each other share them.
 */
export class VerifiedImages {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * `image.id` once it is known to be the hash of the image's config.
   *
   * @param engineData `EngineFacts.dataId`; null: nothing is remembered
   * @param compute the id from the image's bytes, where it was not verified before
   * @throws where the bytes say otherwise
   */
  async verify(
    imageId: string,
    options: { readonly engineData: string | null; readonly nowMs: number; readonly compute: () => Promise<string> },
  ): Promise<string> {
    const path = options.engineData === null ? null : this.#path(options.engineData, imageId)
    if (path !== null && isThere(path)) {
      utimesSync(path, options.nowMs / 1000, options.nowMs / 1000)
      return imageId
    }
    const computed = await options.compute()
    if (computed !== imageId) {
      throw new Error(`the engine calls the image ${imageId}, but its config hashes to ${computed}`)
    }
    if (path !== null) {
      mkdirSync(this.#folder, { recursive: true })
      writeFileSync(path, '')
    }
    return imageId
  }

  /** Forgets what no run has used for two weeks. */
  prune(nowMs: number): void {
    for (const name of namesIn(this.#folder)) {
      const path = join(this.#folder, name)
      const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs
      if (used !== undefined && used < nowMs - unusedAfterMs) rmSync(path, { force: true })
    }
  }

  #path(engineData: string, imageId: string): string {
    return join(this.#folder, createHash('sha256').update(`${engineData}\0${imageId}`).digest('hex'))
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined
