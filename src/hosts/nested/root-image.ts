/** The root file system of a nested host: a release of Debian with its engine's packages, made once an engine. */
import { type Engine, EngineError } from '../../engines/engine.ts'
import { bootstrapImage } from '../../images/bootstrap.ts'
import { installCommand, missingPrograms } from '../packages.ts'
import type { HostProblem } from '../problem.ts'
import type { NestedEngine } from './engine-kinds.ts'

export type RootImage =
  | { readonly ok: true; readonly imageId: string }
  | { readonly ok: false; readonly problem: HostProblem }

/** Rejects with `EngineError`. */
export async function ensureRootImage(
  local: Engine,
  options: {
    readonly engine: NestedEngine
    readonly env: Readonly<Record<string, string | undefined>>
    readonly signal: AbortSignal
    readonly onProgress: (text: string) => void
  },
): Promise<RootImage> {
  const { engine, env, signal, onProgress } = options
  const reference = `matrix-host:${engine.image}`
  const present = await local.images.inspect(reference, { signal })
  if (present !== null) return { ok: true, imageId: present.id }
  if (missingPrograms(['mmdebstrap'], env).length > 0) {
    const message = `${reference} is made from Debian's packages, and mmdebstrap is not installed`
    return { ok: false, problem: { kind: 'machine', message, hint: `Run: ${installCommand(['mmdebstrap'])}` } }
  }
  onProgress(`making ${reference} from the packages of Debian ${engine.suite}`)
  try {
    const image = await bootstrapImage(local, {
      reference,
      suite: engine.suite,
      include: engine.packages,
      command: ['/bin/sh'],
      labels: { 'matrix.role': 'host-image' },
      signal,
    })
    return { ok: true, imageId: image.id }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return {
      ok: false,
      problem: { kind: 'machine', message: error.message, hint: error.hint ?? 'Is the package mirror reachable?' },
    }
  }
}
