/** Archives as `docker save` writes and `docker load` reads them: a config, layers, and a manifest that names both. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header, pack } from 'tar-stream'

export interface ManifestEntry {
  /** Path of the config in the archive. */
  readonly Config: string
  /** Paths of the layers in the archive, the lowest first. */
  readonly Layers: readonly string[]
}

/** Calls `take` for every entry in turn, which has to read the stream to its end or let it go. */
export async function readArchive(
  archive: Readable,
  take: (header: Header, content: Readable) => Promise<void>,
): Promise<void> {
  const reader = extract()
  archive.on('error', (error) => reader.destroy(error))
  archive.pipe(reader)
  try {
    for await (const entry of reader) await take(entry.header, entry as unknown as Readable)
  } finally {
    archive.destroy()
  }
}

export const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

/** A layer that the receiver has already is a name without content: it is never opened. */
export interface PackedLayer {
  /** `sha256:` and 64 hex digits of the layer's tar. */
  readonly diffId: string
  readonly file: { readonly path: string; readonly sizeBytes: number } | null
}

/** An archive of one image, written as it is read. */
export function packArchive(image: {
  readonly config: Buffer
  readonly layers: readonly PackedLayer[]
  readonly tags: readonly string[]
}): Readable {
  const tar = pack()
  const hexOf = (id: string) => id.replace('sha256:', '')
  const configName = `${sha256(image.config)}.json`
  const manifest = {
    Config: configName,
    RepoTags: image.tags,
    Layers: image.layers.map(({ diffId }) => `${hexOf(diffId)}/layer.tar`),
  }
  const write = async () => {
    tar.entry({ name: 'manifest.json' }, JSON.stringify([manifest]))
    tar.entry({ name: configName }, image.config)
    const written = new Set<string>()
    for (const { diffId, file } of image.layers) {
      // An empty layer may stand twice in an image.
      if (written.has(diffId)) continue
      written.add(diffId)
      const name = `${hexOf(diffId)}/layer.tar`
      if (file === null) tar.entry({ name, size: 0 }, '')
      else await pipeline(createReadStream(file.path), tar.entry({ name, size: file.sizeBytes }))
    }
    tar.finalize()
  }
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  return tar as unknown as Readable
}
