/** A cell has room for so much evidence: what tells most of a failure is there whatever else was kept. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { createFakeEngine } from '../../../src/engines/fake/fake-engine.ts'
import type { RunnableCell } from '../../../src/model/plan.ts'
import type { EvidenceRef } from '../../../src/model/run-record.ts'
import { EvidenceStore } from '../../../src/record/evidence-store.ts'
import { captureEvidence } from '../../../src/run/evidence.ts'
import { project } from '../../support/project.ts'

const { signal } = new AbortController()

async function containersOf(aliases: readonly string[]) {
  const engine = createFakeEngine({ work: { stdout: ['says why'], exitCode: 1 } })
  const { id: image } = await engine.images.importRoot(Readable.from(['x']), { reference: 'x', signal })
  const none = { labels: {}, environment: {}, constraints: {}, network: { kind: 'none' }, volumes: [] } as const
  const containers: [string, string][] = []
  for (const alias of aliases) {
    const { id } = await engine.containers.create({ ...none, name: alias, image, command: ['work'] }, { signal })
    await engine.containers.start(id, { signal })
    containers.push([alias, id])
  }
  return { engine, containers }
}

test('the log and the state of what failed, before those of what it needs', async () => {
  const { engine, containers } = await containersOf(['api', 'db', 'queue'])
  using made = project({})
  const sink = new EvidenceStore(made.root)
  const cell = { id: 'api@qa', copies: [] as RunnableCell['copies'] } as RunnableCell
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const routine = name !== 'f'
    await sink.put({ name, mediaType: 'text/plain', content: name, cell: cell.id, routine })
  }
  const refs = await captureEvidence(containers, {
    ...{ cell, engine, sink, redact: [], peaks: false, signal },
    restMemory: { api: 1 },
  })
  const names = (some: readonly EvidenceRef[]) => some.map(({ name }) => name)
  expect(names(refs)).toEqual([
    ...['api log', 'api state', 'db log', 'queue log', 'memory at rest', 'db state', 'queue state'],
  ])
  expect(names(refs.filter(({ sizeBytes }) => sizeBytes > 0))).toEqual(['api log', 'api state', 'db log'])
})
