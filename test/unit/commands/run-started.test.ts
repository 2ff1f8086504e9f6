import { describe, expect, test } from 'vitest'
import type { Io } from '../../../src/commands/io.ts'
import { loadPlan } from '../../../src/commands/load-plan.ts'
import { runStarted } from '../../../src/commands/run-started.ts'
import type { RunStarted } from '../../../src/model/event.ts'
import { mergeJournals } from '../../../src/model/merge-journals.ts'
import type { Shard } from '../../../src/plan/select.ts'
import { environment, project, serverStack } from '../../support/project.ts'

const files = { ...environment('qa'), ...environment('vm'), ...serverStack('api'), ...serverStack('db') }

/** How a run of it starts; of a folder of its own each time, as on machines of their own. */
async function startOf(shard?: Shard): Promise<RunStarted> {
  using made = project(files)
  const io = { cwd: made.root, env: {}, color: false, stderr: (text: string) => expect(text).toBe('') } as unknown as Io
  const loaded = await loadPlan({ project: made.root, ...(shard === undefined ? {} : { shard }) }, io)
  if (!loaded.ok) throw new Error('there is no plan')
  const expected = new Map([['api@qa', shard?.index ?? 0]])
  return await runStarted(loaded, { run: '', startedAt: '2026-01-31T12:00:00.000Z', expected })
}

describe('how a run starts', () => {
  test('that is no part', async () => {
    const { shard, selection, cells } = await startOf()
    expect({ shard, selection }).toEqual({ shard: undefined, selection: 'whole' })
    expect(cells.map(({ id }) => id)).toEqual(['api@qa', 'api@vm', 'db@qa', 'db@vm'])
  })

  test('that is a part: its own cells, and those of all parts', async () => {
    const [whole, part] = [await startOf(), await startOf({ index: 2, count: 2 })]
    expect(part.cells.map(({ id }) => id)).toEqual(['db@qa', 'db@vm'])
    expect(part).toMatchObject({ selection: 'part', shard: { index: 2, count: 2, all: { selection: 'whole' } } })
    expect(part.shard?.all.cells.map(({ id, declared }) => [id, declared])).toEqual(
      whole.cells.map(({ id, declared }) => [id, declared]),
    )
    expect(whole.cells.every(({ declared }) => declared?.startsWith('d1:'))).toBe(true)
  })

  test('on two machines, of which one journal can be made', async () => {
    const starts = [await startOf({ index: 1, count: 2 }), await startOf({ index: 2, count: 2 })]
    const merged = mergeJournals(
      starts.map((start, at) => ({ name: `part ${at + 1}`, events: [{ atMs: 0, ...start }] })),
      [],
    )
    expect(merged).toMatchObject({ ok: true, missing: [], start: { selection: 'whole' } })
  })
})
