/** An image's identity from its own bytes: the hash of its config, as an exported archive holds it. */
import { createHash } from 'node:crypto'
import { extract } from 'tar-stream'
import type { CallOptions, Engine } from '../engines/engine.ts'

const maxConfigBytes = 4 * 1024 ** 2

/** `sha256:` and 64 hex digits. Rejects where the archive holds no config. */
export async function computeImageId(engine: Engine, reference: string, options: CallOptions): Promise<string> {
  const archive = await engine.images.save(reference, options)
  const hashes = new Map<string, string>()
  let configName: string | undefined
  const reader = extract()
  archive.on('error', (error) => reader.destroy(error))
  archive.pipe(reader)
  try {
    for await (const entry of reader) {
      const { name, size } = entry.header
      if (
        (size ?? 0) > maxConfigBytes ||
        !(name === 'manifest.json' || /^(blobs\/sha256\/)?[0-9a-f]{64}(\.json)?$/.test(name))
      ) {
        entry.resume()
        continue
      }
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      const content = Buffer.concat(chunks)
      if (name === 'manifest.json')
        configName = (JSON.parse(content.toString('utf8')) as { Config?: string }[])[0]?.Config
      else hashes.set(name, createHash('sha256').update(content).digest('hex'))
    }
  } finally {
    archive.destroy()
  }
  options.signal.throwIfAborted()
  const hash = configName === undefined ? undefined : hashes.get(configName)
  if (hash === undefined) throw new Error(`the exported archive of ${reference} holds no config`)
  return `sha256:${hash}`
}
