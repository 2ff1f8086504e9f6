/** Configs and layers of images on this machine's disk, by their hashes: taken from the builder once, and sent from here. */
import { createHash, randomUUID } from 'node:crypto'
import {
  createWriteStream,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CallOptions, Engine } from '../engines/engine.ts'
import { EngineError } from '../engines/engine.ts'
import { systemClock } from '../lib/clock.ts'
import { namesIn } from '../lib/files.ts'
import { ownerState, ownIdentity } from '../lib/owner.ts'
import { type ManifestEntry, readArchive, sha256 } from './archive.ts'

export interface StoredImage {
  /** The hash of `config`. */
  readonly id: string
  readonly config: Buffer
  readonly layers: readonly { readonly diffId: string; readonly path: string; readonly sizeBytes: number }[]
}

const maxConfigBytes = 4 * 1024 ** 2
const unusedAfterMs = 14 * 24 * 3600 * 1000

export class LayerStore {
  readonly #folder: string
  readonly #underway = new Map<string, Promise<StoredImage>>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * The image with every layer on the disk, its id and its layers' ids computed from their own bytes.
   * Rejects with `EngineError`, also where the archive does not hold what the engine calls the image.
   */
  keep(engine: Engine, imageId: string, options: CallOptions): Promise<StoredImage> {
    let keeping = this.#underway.get(imageId)
    if (keeping === undefined) {
      keeping = this.#keep(engine, imageId, options)
      keeping.catch(() => this.#underway.delete(imageId))
      this.#underway.set(imageId, keeping)
    }
    return keeping
  }

  /** Removes what no run has used for two weeks, and drafts of processes that died. */
  prune(nowMs: number): void {
    for (const folder of ['layers', 'configs']) {
      for (const name of namesIn(join(this.#folder, folder))) {
        const path = join(this.#folder, folder, name)
        const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs
        if (used !== undefined && used < nowMs - unusedAfterMs) rmSync(path, { force: true })
      }
    }
    for (const name of namesIn(join(this.#folder, 'drafts'))) {
      if (ownerState(name.replaceAll('+', '/')) === 'dead') {
        rmSync(join(this.#folder, 'drafts', name), { recursive: true, force: true })
      }
    }
  }

  async #keep(engine: Engine, imageId: string, options: CallOptions): Promise<StoredImage> {
    const known = this.#find(imageId)
    if (known !== null) return known
    const draft = join(this.#folder, 'drafts', ownIdentity().replaceAll('/', '+'), randomUUID())
    mkdirSync(draft, { recursive: true })
    try {
      await this.#take(await engine.images.save(imageId, options), { draft, imageId })
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
    options.signal.throwIfAborted()
    const kept = this.#find(imageId)
    if (kept === null) {
      throw new EngineError('failed', `the archive of ${imageId} does not hold the layers that its config names`)
    }
    return kept
  }

  #find(imageId: string): StoredImage | null {
    try {
      const configPath = this.#path('configs', imageId)
      const config = readFileSync(configPath)
      if (`sha256:${sha256(config)}` !== imageId) return null
      const layers = layersOf(config).map((diffId) => {
        const path = this.#path('layers', diffId)
        return { diffId, path, sizeBytes: statSync(path).size }
      })
      const now = Date.parse(systemClock.wall()) / 1000
      for (const path of [configPath, ...layers.map((layer) => layer.path)]) utimesSync(path, now, now)
      return { id: imageId, config, layers }
    } catch {
      return null // something of it is not there
    }
  }

  async #take(archive: Readable, options: { readonly draft: string; readonly imageId: string }): Promise<void> {
    const hashes = new Map<string, string>()
    const links = new Map<string, string>()
    const small = new Map<string, Buffer>()
    await readArchive(archive, async ({ name, type, linkname, size = 0 }, content) => {
      if (type === 'symlink' && linkname) links.set(name, posix.normalize(posix.join(dirname(name), linkname)))
      if (type !== 'file' || isOther(name)) {
        content.resume()
        return
      }
      const path = join(options.draft, String(hashes.size))
      const hash = createHash('sha256')
      const hashed = new PassThrough().on('data', (chunk: Buffer) => void hash.update(chunk))
      await pipeline(content, hashed, createWriteStream(path))
      if (size <= maxConfigBytes) small.set(name, readFileSync(path))
      hashes.set(name, `sha256:${hash.digest('hex')}`)
      mkdirSync(join(this.#folder, 'layers'), { recursive: true })
      if (!name.endsWith('.json')) renameSync(path, this.#path('layers', hashes.get(name) ?? ''))
    })
    const text = small.get('manifest.json')?.toString('utf8')
    const manifest = text === undefined ? undefined : (JSON.parse(text) as readonly ManifestEntry[])[0]
    const config = manifest === undefined ? undefined : small.get(manifest.Config)
    if (manifest === undefined || config === undefined) {
      throw new EngineError('failed', `the archive of ${options.imageId} holds no config`)
    }
    const found = manifest.Layers.map((name) => hashes.get(links.get(name) ?? name))
    const named = layersOf(config)
    if (`sha256:${sha256(config)}` !== options.imageId || named.some((diffId, index) => diffId !== found[index])) {
      throw new EngineError('failed', `the archive of ${options.imageId} holds another image than the engine says`)
    }
    mkdirSync(join(this.#folder, 'configs'), { recursive: true })
    writeFileSync(join(options.draft, 'config'), config)
    renameSync(join(options.draft, 'config'), this.#path('configs', options.imageId))
  }

  #path(folder: 'layers' | 'configs', id: string): string {
    return join(this.#folder, folder, id.replace('sha256:', ''))
  }
}

/** Of the archive's files only configs, layers and the manifest are wanted. */
const isOther = (name: string) => /(^|\/)(VERSION|json|repositories|oci-layout|index\.json)$/.test(name)

const layersOf = (config: Buffer): readonly string[] =>
  (JSON.parse(config.toString('utf8')) as { readonly rootfs: { readonly diff_ids: readonly string[] } }).rootfs.diff_ids
