/** The root file system of a nested host: a release of Debian with its engine's packages, made once an engine, or an image that is published. */
import { join } from 'node:path'
import { type Engine, EngineError } from '../../engines/engine.ts'
import { bootstrapImage } from '../../images/bootstrap.ts'
import { stateFolder } from '../../lib/state-folder.ts'
import { takeLock } from '../machine-lock.ts'
import { ensurePrograms } from '../packages.ts'
import type { HostProblem } from '../problem.ts'
import type { NestedEngine } from './engine-kinds.ts'

export type RootImage =
  | { readonly ok: true; readonly imageId: string }
  | { readonly ok: false; readonly problem: HostProblem }

/** Hosts that share one, of several runs perhaps, wait for the first of them to make it. Rejects with `EngineError`. */
export async function ensureRootImage(
  local: Engine,
  options: {
    readonly engine: NestedEngine
    readonly env: Readonly<Record<string, string | undefined>>
    readonly mayInstall: boolean
    readonly signal: AbortSignal
    readonly onProgress: (text: string) => void
  },
): Promise<RootImage> {
  const { signal, onProgress } = options
  const { root } = options.engine
  const { reference } = root
  const present = await local.images.inspect(reference, { signal })
  if (present !== null) return { ok: true, imageId: present.id }
  using _lock = await takeLock(lockOf(reference, options.env), { signal })
  const since = await local.images.inspect(reference, { signal })
  if (since !== null) return { ok: true, imageId: since.id }
  if (root.kind === 'published') return await pulled(local, { reference, signal, onProgress })
  const problem = await ensurePrograms(['mmdebstrap'], {
    ...options,
    whom: `${reference}, made from Debian's packages,`,
  })
  if (problem !== null) return { ok: false, problem }
  onProgress(`making ${reference} from the packages of Debian ${root.suite}`)
  try {
    const image = await bootstrapImage(local, {
      reference,
      suite: root.suite,
      include: root.packages,
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

const lockOf = (reference: string, env: Readonly<Record<string, string | undefined>>) =>
  join(stateFolder(env), `${reference.replace(/[^A-Za-z0-9.-]+/g, '-')}.lock`)

async function pulled(
  local: Engine,
  options: {
    readonly reference: string
    readonly signal: AbortSignal
    readonly onProgress: (text: string) => void
  },
): Promise<RootImage> {
  const { reference, signal, onProgress } = options
  onProgress(`pulling ${reference}`)
  try {
    return { ok: true, imageId: (await local.images.pull(reference, { signal })).id }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    const hint = 'Where no registry answers, release: bullseye, bookworm or trixie makes one from packages.'
    return { ok: false, problem: { kind: 'machine', message: `${reference} cannot be had: ${error.message}`, hint } }
  }
}
