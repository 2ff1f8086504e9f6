/** Images of a cluster: there is one only when every machine has it, for the cluster may start it on any. */
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CallOptions, ImageFacts, Images } from '../engine.ts'
import type { Cluster } from './cluster.ts'

export function imagesOf(cluster: Cluster): Images {
  const { images } = cluster.manager.engine
  const inspect = async (reference: string, options: CallOptions): Promise<ImageFacts | null> => {
    const found = await cluster.everywhere(async (engine) => ({
      image: await engine.images.inspect(reference, options),
    }))
    const [first] = found
    // An overlooked difference would make the outcome depend on the machine.
    return found.every(({ image }) => image !== null && image.id === first?.image?.id) ? (first?.image ?? null) : null
  }
  const load = async (archive: Readable, options: CallOptions): Promise<void> => {
    const copies = cluster.alive.map((node) => ({ node, copy: new PassThrough() }))
    const loads = copies.map(({ node, copy }) =>
      // A machine that is gone takes nothing more, and must not hold up the others.
      cluster.orGone(node, (engine) => engine.images.load(copy, options)).finally(() => copy.resume()),
    )
    await Promise.all([
      spread(
        archive,
        copies.map(({ copy }) => copy),
      ),
      ...loads,
    ])
  }
  /** What the manager has now, on every machine. */
  const onAll = async (image: ImageFacts, reference: string, options: CallOptions): Promise<ImageFacts> => {
    if ((await inspect(reference, options)) === null) await load(await images.save(reference, options), options)
    return image
  }
  return {
    inspect,
    async pull(reference, options) {
      const [image] = await cluster.everywhere((engine) => engine.images.pull(reference, options))
      return image ?? images.pull(reference, options)
    },
    push: (id, options) => images.push(id, options),
    importRoot: async (root, options) => onAll(await images.importRoot(root, options), options.reference, options),
    async build(request, options) {
      const result = await images.build(request, options)
      await onAll(result.image, request.tag, options)
      return result
    },
    save: (id, options) => images.save(id, options),
    load,
    async remove(reference, options) {
      await cluster.everywhere((engine) => engine.images.remove(reference, options))
    },
  }
}

/** Writes a stream into several, at the pace of the slowest. */
async function spread(from: Readable, to: readonly PassThrough[]): Promise<void> {
  await pipeline(from, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      await Promise.all(to.map((copy) => copy.write(chunk) || new Promise((resolve) => copy.once('drain', resolve))))
    }
    for (const copy of to) copy.end()
  }).catch((error: unknown) => {
    for (const copy of to) copy.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  })
}
