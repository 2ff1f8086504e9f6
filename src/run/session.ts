/** What a run keeps warm on one engine: the event stream, the limits on start and removal, and on each of its machines a helper and a machine outside. */
import { randomUUID } from 'node:crypto'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Engine, EngineFacts, EngineHost } from '../engines/engine.ts'
import { ensureHelperImage } from '../images/helper.ts'
import { manyListeners } from '../lib/abort.ts'
import { DeathWatch } from './death-watch.ts'
import { labelsOf, objectName, type RunIdentity } from './labels.ts'
import { type Helper, ownRuntime, startHelper } from './relay/helper.ts'
import type { Teardown } from './teardown.ts'
import { type Outside, openOutside } from './verify/egress.ts'

export interface EngineSession {
  readonly engine: Engine
  readonly facts: EngineFacts
  readonly identity: RunIdentity
  readonly deaths: DeathWatch
  /** Id of an image with a static busybox and nothing else. */
  readonly helperImage: string
  /** The engine serialises starts; more at once only wait inside it. */
  readonly starting: LimitFunction
  readonly removing: LimitFunction
  /** The machine where a container runs. Rejects with `EngineError`; `node-lost` where it has gone away. */
  hostOf(containerId: string, signal: AbortSignal): Promise<SessionHost>
}

/** What is kept warm on one machine of the engine. */
export interface SessionHost {
  readonly helper: Helper
  /** Made when first asked for; null where this machine does not allow it. */
  outside(): Promise<Outside | null>
}

export async function openSession(
  engine: Engine,
  options: {
    readonly identity: RunIdentity
    readonly teardown: Teardown
    readonly signal: AbortSignal
    readonly onNotice: (text: string) => void
  },
): Promise<EngineSession> {
  const { identity, teardown, signal } = options
  const facts = await engine.facts({ signal })
  const listening = new AbortController()
  teardown.defer('the event stream', async () => listening.abort())
  const deaths = await DeathWatch.start(engine, {
    labels: { 'matrix.run': identity.run },
    signal: manyListeners(listening.signal),
  })
  const image = await ensureHelperImage(engine, { signal })
  const open = new Map<Engine, Promise<SessionHost>>()
  const openOn = (host: EngineHost) => {
    const opening = open.get(host.engine) ?? openHost(host, { ...options, image, rootless: facts.rootless })
    open.set(host.engine, opening)
    return opening
  }
  await Promise.all((await engine.hosts({ signal })).map(openOn))
  return {
    engine,
    facts,
    identity,
    deaths,
    helperImage: image,
    starting: pLimit(3),
    removing: pLimit(2),
    hostOf: async (containerId, asking) => openOn(await engine.hostOf(containerId, { signal: asking })),
  }
}

interface HostOptions {
  readonly rootless: boolean
  readonly identity: RunIdentity
  readonly image: string
  readonly teardown: Teardown
  readonly signal: AbortSignal
  readonly onNotice: (text: string) => void
}

async function openHost(host: EngineHost, options: HostOptions): Promise<SessionHost> {
  const { identity, image, teardown, signal } = options
  const { engine } = host
  const labels = labelsOf(identity, 'relay')
  const own = { image, labels, teardown, signal, runtime: ownRuntime(await engine.facts({ signal })) }
  // Two columns may reach one engine by different ways.
  const way = randomUUID().slice(0, 8)
  const helper = await startHelper(engine, { ...own, name: objectName(identity, 'relay', way) })
  let outside: Promise<Outside | null> | undefined
  return {
    helper,
    outside() {
      outside ??= openOutside(engine, {
        ...own,
        helper,
        rootless: options.rootless,
        name: objectName(identity, way),
      }).catch((error: unknown) => {
        if (signal.aborted) throw signal.reason
        const where = host.name === null ? 'this engine' : host.name
        options.onNotice(
          `egress cannot be tested on ${where}: ${error instanceof Error ? error.message : String(error)}`,
        )
        return null
      })
      return outside
    },
  }
}
