/** The image of the proxy that stands between a cell and the world: Debian's tinyproxy and a static busybox, 8 MB. */
import type { CallOptions, Engine } from '../engines/engine.ts'
import { bootstrapImage } from './bootstrap.ts'

const reference = 'matrix-proxy:tinyproxy'
const underway = new WeakMap<Engine, Promise<string>>()

/** Its id. The programs in it are `/usr/bin/tinyproxy` and `/bin/busybox`. Rejects with `EngineError` where it cannot be had. */
export function ensureProxyImage(engine: Engine, options: CallOptions): Promise<string> {
  let image = underway.get(engine)
  if (image === undefined) {
    image = obtain(engine, options)
    underway.set(engine, image)
    image.catch(() => underway.delete(engine))
  }
  return image
}

async function obtain(engine: Engine, options: CallOptions): Promise<string> {
  const present = await engine.images.inspect(reference, options)
  if (present !== null) return present.id
  const made = await bootstrapImage(engine, {
    ...options,
    reference,
    suite: 'bookworm',
    bare: true,
    include: ['tinyproxy-bin', 'busybox-static'],
    command: ['/usr/bin/tinyproxy', '-d'],
    labels: { 'matrix.role': 'helper-image' },
  })
  return made.id
}
