/** What an image holds, read out of its archive, a file at a time. */
import { extract } from 'tar-stream'
import type { Engine } from '../../src/engines/engine.ts'

interface ImageFile {
  /** The layer's name in the archive, or `config`. */
  readonly layer: string
  readonly name: string
  readonly content: Buffer
}

/** The config, and every file of every layer of an image: also of those that a later layer hides. */
export async function* imageFiles(
  engine: Engine,
  id: string,
  options: { readonly skip?: (layer: string) => boolean } = {},
): AsyncGenerator<ImageFile> {
  const outer = extract()
  ;(await engine.images.save(id, { signal: new AbortController().signal })).pipe(outer)
  for await (const entry of outer) {
    if (options.skip?.(entry.header.name) === true) {
      entry.resume()
    } else if (entry.header.name.endsWith('layer.tar')) {
      const inner = extract()
      entry.pipe(inner)
      for await (const file of inner) {
        yield { layer: entry.header.name, name: file.header.name, content: await contentOf(file) }
      }
    } else if (/^[0-9a-f]{64}\.json$/.test(entry.header.name)) {
      yield { layer: 'config', name: 'config', content: await contentOf(entry) }
    } else {
      entry.resume()
    }
  }
}

async function contentOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of entry) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
