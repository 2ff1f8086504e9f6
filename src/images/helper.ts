/** The image of Matrix's own helper containers: one file, a static busybox. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { type CallOptions, type Engine, EngineError } from '../engines/engine.ts'

const reference = 'matrix-helper:busybox'
/** Where no static busybox is on this machine. */
const published = 'busybox:stable'
const candidates = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox.static']

/** Its id. The program in it is `/bin/busybox`. Rejects with `EngineError` where it cannot be had. */
export async function ensureHelperImage(engine: Engine, options: CallOptions): Promise<string> {
  const present = await engine.images.inspect(reference, options)
  if (present) return present.id
  const program = await staticBusybox()
  if (program !== null) {
    const root = pack()
    root.entry({ name: 'bin', type: 'directory', mode: 0o755 })
    root.entry({ name: 'bin/busybox', mode: 0o755 }, program)
    root.finalize()
    const image = await engine.images.importRoot(root as unknown as Readable, {
      ...options,
      reference,
      labels: { 'matrix.role': 'helper-image' },
    })
    return image.id
  }
  try {
    return (await engine.images.pull(published, options)).id
  } catch (error) {
    if (options.signal.aborted) throw error
    throw new EngineError('no-image', 'Matrix needs a static busybox to reach into networks, and found none', {
      cause: error,
      hint: 'apt-get install busybox-static',
    })
  }
}

async function staticBusybox(): Promise<Buffer | null> {
  for (const path of candidates) {
    try {
      await access(path, constants.X_OK)
      const program = await readFile(path)
      if (isStatic(program)) return program
    } catch {
      // The next one may be there.
    }
  }
  return null
}

/** A 64-bit little-endian ELF file that asks for no interpreter. Source: elf(5). */
export function isStatic(program: Buffer): boolean {
  if (program.length < 64 || program.readUInt32BE(0) !== 0x7f454c46 || program[4] !== 2 || program[5] !== 1)
    return false
  const offset = Number(program.readBigUInt64LE(32))
  const size = program.readUInt16LE(54)
  const count = program.readUInt16LE(56)
  const interpreter = 3
  for (let index = 0; index < count; index++) {
    const at = offset + index * size
    if (at + 4 > program.length || program.readUInt32LE(at) === interpreter) return false
  }
  return true
}
