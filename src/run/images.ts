/** Makes every image of a plan once, and tells each cell when the ones that it runs are there. */
import pLimit from 'p-limit'
import { type BuildStepFailure, type Engine, EngineError, type ImageFacts, told } from '../engines/engine.ts'
import { ensureBase } from '../images/bases.ts'
import { buildStack } from '../images/build.ts'
import { computeImageId } from '../images/identity.ts'
import type { LayerStore } from '../images/layer-store.ts'
import type { VerifiedImages } from '../images/verified.ts'
import type { Clock } from '../lib/clock.ts'
import type { Progress, RunEventBody } from '../model/event.ts'
import type { EvidenceSink } from '../model/evidence.ts'
import type { BuildOutcome } from '../model/outcome.ts'
import type { Plan, PlannedBuild } from '../model/plan.ts'
import type { BaseRecord, EvidenceRef } from '../model/run-record.ts'
import { interruptionOf } from './interruption.ts'
import type { RunIdentity } from './labels.ts'
import { redact, withoutCredentials } from './redact.ts'

/** `reason` as run.json gives it for a cell that is blocked. */
export type ImageResult =
  | { readonly ok: true; readonly imageId: string; readonly durationMs: number }
  | { readonly ok: false; readonly reason: 'build-step' | 'build-trouble'; readonly message: string }

export interface ImageDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: (event: RunEventBody) => void
  readonly progress: (progress: Progress) => void
  readonly evidence: EvidenceSink
  readonly identity: RunIdentity
  readonly mayBootstrap: boolean
  /** Values that must not appear in any record. */
  readonly redact: readonly string[]
  readonly concurrency: number
  /** Called where a build begins; disposed of when it has ended. */
  readonly busy: () => Disposable
  readonly layers: LayerStore
  readonly verified: VerifiedImages
  /** `EngineFacts.dataId` of the engine. */
  readonly engineData: string | null
}

/** Build key → what came of it. The promises never reject. */
export function makeImages(plan: Plan, deps: ImageDeps): ReadonlyMap<string, Promise<ImageResult>> {
  const limit = pLimit(deps.concurrency)
  const saidBases = new Set<string>()
  const onBase = (base: BaseRecord) => {
    if (saidBases.has(base.reference)) return
    saidBases.add(base.reference)
    deps.emit({ type: 'base-ready', base })
  }
  const make = async (build: PlannedBuild) => {
    using _busy = deps.busy()
    return await makeImage(build, { plan, deps, onBase })
  }
  return new Map(plan.builds.map((build) => [build.key, limit(() => make(build))]))
}

async function makeImage(
  build: PlannedBuild,
  context: { readonly plan: Plan; readonly deps: ImageDeps; readonly onBase: (base: BaseRecord) => void },
): Promise<ImageResult> {
  const { deps, plan } = context
  const hide = (text: string) => withoutCredentials(redact(text, deps.redact))
  const stack = buildName(plan, build)
  const startedAt = deps.clock.now()
  const finished = (
    outcome: BuildOutcome,
    rest: {
      readonly step?: string
      readonly message?: string
      readonly cached?: boolean
      readonly evidence?: readonly EvidenceRef[]
    },
  ) =>
    deps.emit({
      type: 'build-finished',
      build: {
        stack,
        outcome,
        step: rest.step === undefined ? null : hide(rest.step),
        message: rest.message ?? null,
        durationMs: Math.round(deps.clock.now() - startedAt),
        cached: rest.cached ?? false,
        evidence: rest.evidence ?? [],
      },
    })
  deps.emit({ type: 'build-started', stack })
  try {
    const { image, cached } = await obtain(build, { ...context, stack, hide })
    const imageId = await verifiedId(image.id, context)
    for (const row of build.rows) {
      const { digest, platform, sizeBytes } = image
      deps.emit({ type: 'image-ready', row, image: { id: imageId, digest, platform, sizeBytes } })
    }
    finished('pass', { cached })
    return { ok: true, imageId, durationMs: deps.clock.now() - startedAt }
  } catch (error) {
    if (deps.signal.aborted) {
      const message = interruptionOf(deps.signal)
      finished('cancelled', { message })
      return { ok: false, reason: 'build-trouble', message }
    }
    const message = hide(told(error, 500))
    if (error instanceof EngineError && error.code === 'build-step') {
      const failure = error.cause as BuildStepFailure
      const log = await deps.evidence.put({
        name: `${stack} build log`,
        mediaType: 'text/plain',
        content: hide(failure.log),
      })
      finished('fail', { step: failure.step, message, evidence: [log] })
      return { ok: false, reason: 'build-step', message: `the build of ${stack} failed: ${message}` }
    }
    finished('error', { message })
    return { ok: false, reason: 'build-trouble', message: `the image of ${stack} could not be made: ${message}` }
  }
}

/** From the image's own bytes; those of one that is sent on are kept while they are there. */
function verifiedId(
  imageId: string,
  { plan, deps }: { readonly plan: Plan; readonly deps: ImageDeps },
): Promise<string> {
  const { engine, layers, signal } = deps
  const isSent = plan.environments.some((environment) => environment.engine.kind !== 'default')
  return deps.verified.verify(imageId, {
    engineData: deps.engineData,
    nowMs: Date.parse(deps.clock.wall()),
    compute: async () =>
      isSent ? (await layers.keep(engine, imageId, { signal })).id : computeImageId(engine, imageId, { signal }),
  })
}

async function obtain(
  build: PlannedBuild,
  context: {
    readonly plan: Plan
    readonly deps: ImageDeps
    readonly onBase: (base: BaseRecord) => void
    readonly stack: string
    readonly hide: (text: string) => string
  },
): Promise<{ readonly image: ImageFacts; readonly cached: boolean }> {
  const { deps, plan, stack } = context
  const { engine, signal, mayBootstrap } = deps
  const onProgress = (text: string) => deps.progress({ type: 'build-progress', stack, text: context.hide(text) })
  if (build.source.kind === 'image') {
    const { reference } = build.source
    const recipe = plan.project.bases[reference]
    const { image, record } = await ensureBase(engine, { reference, recipe, mayBootstrap, signal, onProgress })
    context.onBase(record)
    return { image, cached: record.how === 'present' }
  }
  const built = await buildStack(engine, {
    source: build.source,
    recipes: plan.project.bases,
    labels: { 'matrix.project': deps.identity.project, 'matrix.role': 'image' },
    tag: `matrix-${deps.identity.project}/${stack}:${build.key}`,
    mayBootstrap,
    signal,
    onProgress,
  })
  for (const base of built.bases) context.onBase(base)
  return { image: built.image, cached: built.cached }
}

/** The name under which a build is reported: the stack's base id, or the row's own where only some variants share it. */
export function buildName(plan: Plan, build: PlannedBuild): string {
  const rows = build.rows.map((id) => plan.project.rows.find((row) => row.id === id))
  const variants = plan.project.rows.filter((row) => row.base === rows[0]?.base)
  return (variants.length === build.rows.length ? rows[0]?.base : build.rows[0]) ?? build.key
}
