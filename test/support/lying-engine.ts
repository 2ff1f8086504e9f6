/** A real engine that lets one thing fall in silence, and runs on it. */
import { join } from 'node:path'
import { loadProject } from '../../src/config/load.ts'
import { type ContainerSpec, type Engine, EngineError, type NetworkSpec } from '../../src/engines/engine.ts'
import { LayerStore } from '../../src/images/layer-store.ts'
import { VerifiedImages } from '../../src/images/verified.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { ownIdentity } from '../../src/lib/owner.ts'
import type { RunEventBody } from '../../src/model/event.ts'
import { makePlan } from '../../src/plan/plan.ts'
import { runPlan } from '../../src/run/run.ts'

export interface Drop {
  readonly container?: (spec: ContainerSpec) => ContainerSpec
  readonly network?: (spec: NetworkSpec) => NetworkSpec
  /** It stops what it is to restart, and cannot start it again. */
  readonly start?: true
  /** So often it fails to create the workload. */
  readonly creations?: number
  /** What it says of itself that it does not enforce. */
  readonly unenforced?: readonly string[]
  /** It does not remove the first network that it is to remove when it is first asked. */
  readonly removal?: true
}

const lying = (real: Engine, drop: Drop) => {
  let failures = drop.creations ?? 0
  let refusals = drop.removal === undefined ? 0 : 1
  return {
    ...real,
    endpoint: real.endpoint,
    facts: async (options) => {
      const facts = await real.facts(options)
      return { ...facts, unsupported: new Set([...facts.unsupported, ...(drop.unenforced ?? [])]) }
    },
    list: (...args) => real.list(...args),
    watch: (...args) => real.watch(...args),
    images: real.images,
    volumes: real.volumes,
    networks: {
      ...real.networks,
      create: (spec, options) => real.networks.create(drop.network?.(spec) ?? spec, options),
      remove: async (id, options) => {
        if (refusals-- > 0) throw new EngineError('failed', 'no space left on device')
        return real.networks.remove(id, options)
      },
    },
    containers: {
      ...real.containers,
      create: async (spec, options) => {
        if (spec.labels['matrix.role'] === 'workload' && failures-- > 0) {
          throw new EngineError('failed', 'the storage driver is busy')
        }
        return real.containers.create(drop.container?.(spec) ?? spec, options)
      },
      restart: async (id, options) => {
        if (drop.start === undefined) return real.containers.restart(id, options)
        await real.containers.stop(id, options)
        throw new EngineError('failed', 'it could not be started again')
      },
    },
    [Symbol.asyncDispose]: async () => {},
  } satisfies Engine
}

/** The events of one cell that ran on such an engine. */
export async function runLyingCell(
  engine: Engine,
  cell: { readonly root: string; readonly row: string; readonly environment: string; readonly drop: Drop },
): Promise<readonly RunEventBody[]> {
  const loaded = await loadProject(cell.root, { env: {} })
  if (!loaded.ok) throw new Error('the project does not load')
  const plan = makePlan(loaded.project, {
    chosen: (row, column) => row === cell.row && column === cell.environment,
    unsupported: () => new Set(),
  })
  const events: RunEventBody[] = []
  const liar = lying(engine, cell.drop)
  const evidence = { hash: `sha256:${'0'.repeat(64)}`, sizeBytes: 0, cutBytes: 0 } as const
  await runPlan(plan, {
    builder: liar,
    layers: new LayerStore(join(cell.root, 'layers')),
    verified: new VerifiedImages(join(cell.root, 'verified')),
    columnOf: async () => [{ engine: liar, onThisMachine: true }],
    clock: systemClock,
    identity: {
      project: loaded.project.id,
      run: `lying-${Math.random().toString(36).slice(2, 10)}`,
      owner: ownIdentity(),
      deadlineAt: Number.MAX_SAFE_INTEGER,
    },
    toolVersion: '0',
    emit: (event) => events.push(event),
    progress: () => {},
    evidence: { put: async ({ name, mediaType }) => ({ name, mediaType, ...evidence }) },
    secret: () => '',
    redact: [],
    signal: new AbortController().signal,
    concurrency: null,
    deadlineMs: null,
    mayBootstrap: false,
    keepFailed: false,
    knownPass: () => null,
    expectedMs: () => null,
  })
  return events
}
