/** An image's identity from its own bytes: the hash of its config, as an exported archive holds it. */
import type { Readable } from 'node:stream'
import type { CallOptions, Engine } from '../engines/engine.ts'
import { type ManifestEntry, readArchive, sha256 } from './archive.ts'

const maxConfigBytes = 4 * 1024 ** 2

/** `sha256:` and 64 hex digits. Rejects where the archive holds no config. */
export async function computeImageId(engine: Engine, reference: string, options: CallOptions): Promise<string> {
  const hashes = new Map<string, string>()
  let configName: string | undefined
  await readArchive(await engine.images.save(reference, options), async ({ name, size = 0 }, content) => {
    const isWanted = name === 'manifest.json' || /^(blobs\/sha256\/)?[0-9a-f]{64}(\.json)?$/.test(name)
    if (!isWanted || size > maxConfigBytes) {
      content.resume()
      return
    }
    const bytes = await readAll(content)
    if (name === 'manifest.json')
      configName = (JSON.parse(bytes.toString('utf8')) as readonly ManifestEntry[])[0]?.Config
    else hashes.set(name, sha256(bytes))
  })
  options.signal.throwIfAborted()
  const hash = configName === undefined ? undefined : hashes.get(configName)
  if (hash === undefined) throw new Error(`the exported archive of ${reference} holds no config`)
  return `sha256:${hash}`
}

async function readAll(content: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
