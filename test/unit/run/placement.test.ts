import { expect, test } from 'vitest'
import { EngineError } from '../../../src/engines/engine.ts'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import { abortable, DeadlineError } from '../../../src/lib/abort.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import type { RunEventBody } from '../../../src/model/event.ts'
import type { RunnableCell } from '../../../src/model/plan.ts'
import type { OpenColumn } from '../../../src/run/columns.ts'
import { type PlacementContext, placeCell } from '../../../src/run/placement.ts'

const cell = {
  ...{ kind: 'run', id: 'api@qa', row: 'api', environment: 'qa', timeScale: 1, exclusive: false },
  ...{ copies: [], checks: [], required: [], unsupported: [], findings: [], contract: {}, network: { egress: 'open' } },
} as unknown as RunnableCell

/** An engine that fails to make the network of a cell, whatever is done: trouble that may pass. */
async function place(options: {
  readonly clean?: boolean
  /** What happens where a try waits to be let in. */
  readonly enter?: (tried: number, run: AbortController) => Promise<void>
}): Promise<readonly string[]> {
  const engine = createFakeEngine({})
  const run = new AbortController()
  const { signal } = run
  const session = {
    ...{ engine, facts: await engine.facts({ signal }), identity: { project: 'p', run: 'r' } },
    starting: () => Promise.reject(new EngineError('failed', 'the storage driver is busy')),
  }
  let tried = 0
  const admission = {
    coming: () => ({ [Symbol.dispose]: () => {} }),
    async run(_: unknown, { work }: { readonly work: () => Promise<void> }) {
      await options.enter?.(tried++, run)
      return work()
    },
  }
  const column = { session, admission } as unknown as OpenColumn
  const columns = {
    ...{ of: async () => [column], latest: () => column, choose: () => {}, giveUp: () => {} },
    inTurn: (pool: Iterable<OpenColumn>) => [...pool],
  }
  const clock: Clock = { ...systemClock, sleep: async () => {} }
  const events: RunEventBody[] = []
  const deps = {
    ...{ clock, toolVersion: '0', concurrency: null, keepFailed: false, redact: [], secret: () => '' },
    ...{ identity: session.identity, knownPass: () => null, progress: () => {} },
    emit: (event: RunEventBody) => void events.push(event),
  }
  const context = {
    deps,
    columns,
    images: new Map(),
    signal,
    sinceStart: () => 0,
    registryOf: () => null,
    clean: async () => options.clean ?? true,
  }
  await placeCell(cell, context as unknown as PlacementContext)
  return events.flatMap((event) => {
    if (event.type === 'cell-finished') return [`${event.outcome} ${event.reason}`]
    return event.type === 'cell-started' || event.type === 'cell-tried-again' ? [event.type] : []
  })
}

const [started, again, error] = ['cell-started', 'cell-tried-again', 'error unobservable']

test('a cell that trouble kept from an answer is tried twice more', async () => {
  expect(await place({})).toEqual([started, again, started, again, started, error])
})

test('a cell whose containers could not be removed is not tried again beside them', async () => {
  expect(await place({ clean: false })).toEqual([started, error])
})

test('a cell whose next try never began has the answer of the last one', async () => {
  const overBefore = async (tried: number, run: AbortController) => {
    if (tried === 0) return
    run.abort(new DeadlineError(1))
    await abortable(new Promise<never>(() => {}), run.signal)
  }
  expect(await place({ enter: overBefore })).toEqual([started, again, error])
})
