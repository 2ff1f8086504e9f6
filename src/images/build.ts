/** Builds a stack's image once, its base images and the host's certificates provided for. */
import { access } from 'node:fs/promises'
import type { BuildResult, Engine, Labels } from '../engines/engine.ts'
import type { BaseRecipe, ImageSource } from '../model/project.ts'
import type { BaseRecord } from '../model/run-record.ts'
import { ensureBase } from './bases.ts'
import { packContext } from './context.ts'
import { externalImages } from './dockerfile.ts'

export interface StackBuild {
  readonly source: Extract<ImageSource, { kind: 'build' }>
  /** Image reference → how to make it where no registry answers. */
  readonly recipes: Readonly<Record<string, BaseRecipe>>
  readonly labels: Labels
  readonly tag: string
  readonly mayBootstrap: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** Usual places of a CA bundle; the first that exists is the host's. */
const caBundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem']

/** Rejects with `EngineError`: `build-step` where a step exited non-zero, another code where the build could not be carried out. */
export async function buildStack(
  engine: Engine,
  build: StackBuild,
): Promise<BuildResult & { readonly bases: readonly BaseRecord[] }> {
  const { source, signal, mayBootstrap } = build
  const onProgress = build.onProgress ?? (() => {})
  const { tar, dockerfileText } = await packContext(source.context, {
    dockerfile: source.dockerfile,
    hostCa: await hostCaBundle(),
  })
  const bases: BaseRecord[] = []
  for (const reference of externalImages(dockerfileText, source.args, source.target)) {
    const recipe = build.recipes[reference]
    bases.push((await ensureBase(engine, { reference, recipe, mayBootstrap, signal, onProgress })).record)
  }
  const result = await engine.images.build(
    {
      context: tar,
      dockerfile: source.dockerfile,
      args: source.args,
      ...(source.target === undefined ? {} : { target: source.target }),
      tag: build.tag,
      labels: build.labels,
    },
    { signal, onProgress },
  )
  return { ...result, bases }
}

async function hostCaBundle(): Promise<string | null> {
  for (const path of caBundles) {
    try {
      await access(path)
      return path
    } catch {
      // Another system keeps it elsewhere.
    }
  }
  return null
}
