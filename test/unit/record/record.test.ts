import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastDurations } from '../../../src/model/history.ts'
import { EvidenceStore, evidenceLimits, readEvidence } from '../../../src/record/evidence-store.ts'
import { readHistory } from '../../../src/record/history.ts'
import { readJournal } from '../../../src/record/journal.ts'
import { Recorder } from '../../../src/record/recorder.ts'
import { keepRequirements, readRequirements } from '../../../src/record/requirements.ts'
import { expendableRuns } from '../../../src/record/retention.ts'
import { latestRun, runFolder, runIds } from '../../../src/record/run-folder.ts'
import { eventsOf, finished } from '../../support/runs.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'matrix-record-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const recorder = (startedAt = '2026-01-31T12:00:00.000Z') => new Recorder(folder, { startedAt, sinceStart: () => 0 })

describe('a recorder', () => {
  test('writes each event as it happens, and the record at the end', async () => {
    const own = recorder()
    const events = eventsOf(['api'], ['qa'], { 'api@qa': 'pass' })
    for (const event of events) {
      own.take(event)
      expect(readJournal(own.folder.journal).at(-1)?.type).toBe(event.type)
    }
    own.take(finished)
    const run = await own.finish()
    expect(JSON.parse(readFileSync(own.folder.record, 'utf8'))).toEqual(run)
    expect(latestRun(folder)).toBe(run.id)
    expect(lastDurations(readHistory(folder))).toEqual(new Map([['api@qa', 1500]]))
  })

  test('gives two runs of one second folders of their own', () => {
    const ids = [recorder(), recorder(), recorder()].map((own) => own.folder.id)
    expect(new Set(ids).size).toBe(3)
    expect(runIds(folder)).toEqual(ids.toSorted())
  })
})

describe('a journal', () => {
  test('that a kill tore at its end is read up to there', () => {
    const own = recorder()
    const events = eventsOf(['api'], ['qa'], {})
    for (const event of events) own.take(event)
    appendFileSync(own.folder.journal, '{"atMs":5,"type":"cell-sta')
    expect(readJournal(own.folder.journal)).toHaveLength(events.length)
  })
  test('that is spoilt in the middle is refused, with the line', () => {
    const path = join(folder, 'events.jsonl')
    writeFileSync(
      path,
      '{"atMs":1,"type":"cell-started","cell":"a@b"}\nnonsense\n{"atMs":2,"type":"cell-started","cell":"a@b"}\n',
    )
    expect(() => readJournal(path)).toThrow(`${path}:2`)
  })
})

describe('the evidence store', () => {
  test('keeps a blob by its content, once', async () => {
    const store = new EvidenceStore(folder)
    const [a, b] = await Promise.all(
      [1, 2].map((n) => store.put({ name: `n${n}`, mediaType: 'text/plain', content: 'x' })),
    )
    expect(a?.hash).toBe(b?.hash)
    expect(readdirSync(folder)).toEqual([a?.hash.slice(7)])
    expect(a && readEvidence(folder, a)?.toString()).toBe('x')
  })
  test('cuts what is too long, keeps both ends, and says how much is gone', async () => {
    const content = `head${'x'.repeat(3 * 1024 * 1024)}tail`
    const ref = await new EvidenceStore(folder).put({ name: 'log', mediaType: 'text/plain', content })
    expect(ref.sizeBytes).toBeLessThanOrEqual(evidenceLimits.blobBytes)
    const kept = readEvidence(folder, ref)?.toString() ?? ''
    expect(kept.startsWith('head') && kept.endsWith('tail')).toBe(true)
    expect(kept).toContain(`[${ref.cutBytes} bytes cut]`)
    expect(Math.abs(content.length - ref.cutBytes - ref.sizeBytes)).toBeLessThan(64)
  })
  test('keeps eight a cell, and counts the ninth as cut', async () => {
    const store = new EvidenceStore(folder)
    const refs = []
    for (let n = 0; n < 9; n++) {
      refs.push(await store.put({ name: 'x', mediaType: 'text/plain', content: `blob ${n}`, cell: 'a@b' }))
    }
    expect(refs.map((ref) => ref.sizeBytes > 0)).toEqual([...Array(8).fill(true), false])
    expect(refs[8]).toMatchObject({ sizeBytes: 0, cutBytes: 6 })
    expect(refs[8] && readEvidence(folder, refs[8])).toBeNull()
  })
  test('has as much room for the next try of a cell', async () => {
    const store = new EvidenceStore(folder)
    const put = (content: string, attempt?: number) =>
      store.put({ name: 'x', mediaType: 'text/plain', content, cell: 'a@b', ...(attempt ? { attempt } : {}) })
    for (let n = 0; n < 8; n++) await put(`first ${n}`)
    expect((await put('first 9')).sizeBytes).toBe(0)
    expect((await put('second', 1)).sizeBytes).toBeGreaterThan(0)
  })
  test('leaves half of the places of a cell to what did not go as it should', async () => {
    const store = new EvidenceStore(folder)
    const put = (content: string, routine: boolean) =>
      store.put({ name: 'x', mediaType: 'text/plain', content, cell: 'a@b', routine })
    const passed = []
    for (let n = 0; n < 5; n++) passed.push(await put(`passed ${n}`, true))
    expect(passed.map((ref) => ref.sizeBytes > 0)).toEqual([true, true, true, true, false])
    expect((await put('failed', false)).sizeBytes).toBeGreaterThan(0)
  })
  test('opens nothing by a hash that is not one', () => {
    const ref = { name: 'x', mediaType: 'text/plain', hash: 'sha256:../../etc/passwd', sizeBytes: 1, cutBytes: 0 }
    expect(readEvidence(folder, ref)).toBeNull()
  })
})

test('retention keeps the last thirty runs, and each cell’s last pass', () => {
  const ids = Array.from({ length: 40 }, (_, n) => `run-${String(n).padStart(2, '0')}`)
  const line = (run: string, cell: string, outcome: 'pass' | 'fail') => ({
    run,
    cell,
    outcome,
    startedAt: '',
    signature: null,
    fingerprint: null,
    durationMs: 1,
  })
  const history = [line('run-01', 'a@b', 'pass'), line('run-03', 'a@b', 'pass'), line('run-05', 'a@b', 'fail')]
  expect(expendableRuns(ids, history, { keptRuns: 30 })).toEqual(ids.slice(0, 10).filter((id) => id !== 'run-03'))
})

test('a run is known by its folder and journal only', () => {
  mkdirSync(join(folder, '2026-01-31-120000-abcd'))
  mkdirSync(join(folder, 'notes'))
  expect(runIds(folder)).toEqual([])
  writeFileSync(runFolder(folder, '2026-01-31-120000-abcd').journal, '')
  expect(runIds(folder)).toEqual(['2026-01-31-120000-abcd'])
})

test('what a stack needs is kept until it is searched for again; what is none of that is left out', async () => {
  const found = {
    schemaVersion: 1,
    row: 'api',
    startedAt: '2026-01-31T12:00:00.000Z',
    imageId: null,
    engine: null,
    rows: [],
    together: null,
    complete: false,
  } as const
  expect(readRequirements(folder)).toEqual(new Map())
  await keepRequirements(folder, found)
  await keepRequirements(folder, { ...found, complete: true })
  writeFileSync(join(folder, 'requirements/db.json'), '{"schemaVersion":')
  writeFileSync(join(folder, 'requirements/web.json'), 'null')
  expect(readRequirements(folder)).toEqual(new Map([['api', { ...found, complete: true }]]))
})
