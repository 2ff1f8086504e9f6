/** What a run keeps warm on one engine: the helper, the event stream, the machine outside, the limits on start and removal. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { Engine, EngineFacts } from '../engines/engine.ts'
import { ensureHelperImage } from '../images/helper.ts'
import { manyListeners } from '../lib/abort.ts'
import { DeathWatch } from './death-watch.ts'
import { labelsOf, objectName, type RunIdentity } from './labels.ts'
import { type Helper, startHelper } from './relay/helper.ts'
import type { Teardown } from './teardown.ts'
import { type Outside, openOutside } from './verify/egress.ts'

export interface EngineSession {
  readonly engine: Engine
  readonly facts: EngineFacts
  readonly identity: RunIdentity
  readonly deaths: DeathWatch
  readonly helper: Helper
  /** The engine serialises starts; more at once only wait inside it. */
  readonly starting: LimitFunction
  readonly removing: LimitFunction
  /** Made when first asked for; null where this engine's host does not allow it. */
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
  const labels = labelsOf(identity, 'relay')
  const helper = await startHelper(engine, { image, name: objectName(identity, 'relay'), labels, teardown, signal })
  let outside: Promise<Outside | null> | undefined
  return {
    engine,
    facts,
    identity,
    deaths,
    helper,
    starting: pLimit(3),
    removing: pLimit(2),
    outside() {
      outside ??= openOutside(engine, { helper, image, name: objectName(identity), labels, teardown, signal }).catch(
        (error: unknown) => {
          if (signal.aborted) throw signal.reason
          options.onNotice(
            `egress cannot be tested on this engine: ${error instanceof Error ? error.message : String(error)}`,
          )
          return null
        },
      )
      return outside
    },
  }
}
