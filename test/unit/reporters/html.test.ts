/** The report's file as text; test/report opens it in a browser. */
import { describe, expect, test } from 'vitest'
import { foldRun } from '../../../src/model/fold-run.ts'
import type { CellOutcome } from '../../../src/model/outcome.ts'
import type { RequirementsRecord } from '../../../src/model/requirements.ts'
import type { ConstraintRecord } from '../../../src/model/run-record.ts'
import { renderHtml } from '../../../src/reporters/html/html.tsx'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const context = {
  runs: [],
  since: new Map(),
  requirements: new Map(),
  evidence: () => null,
  assets: { style: 'body{}', script: '0' },
}
/** What a reader without scripts has: everything but what is packed for one. */
const withoutScripts = (html: string): string => html.replace(/<script[\s\S]*?<\/script>/g, '')

test('a report of many cells tells without a script why some have no answer', () => {
  const rows = Array.from({ length: 20 }, (_, index) => `row-${index}`)
  const columns = Array.from({ length: 20 }, (_, index) => `place-${index}`)
  const outcomes = rows.flatMap((row, index) =>
    columns.flatMap((column): (readonly [string, CellOutcome])[] => {
      if (row === 'row-7' && column === 'place-3') return [[`${row}@${column}`, 'excluded']]
      return index === 9 ? [] : [[`${row}@${column}`, 'pass']]
    }),
  )
  const run = foldRun([...eventsOf(rows, columns, Object.fromEntries(outcomes)), finished])
  const html = withoutScripts(renderHtml(run, context))
  expect(html).toMatch(/1 cell, excluded: never shipped there<\/summary><p class="note">row-7@place-3</)
  expect(html).toMatch(
    /20 cells, not run: the run ended before the cell started<\/summary><p class="note">row-9@place-0, /,
  )
})

test('where everything fails a page of each failure is there, and of the others why, without a script', () => {
  const rows = Array.from({ length: 20 }, (_, index) => `row-${index}`)
  const columns = Array.from({ length: 20 }, (_, index) => `place-${index}`)
  const ids = rows.flatMap((row) => columns.map((column) => `${row}@${column}`))
  const events = eventsOf(rows, columns, Object.fromEntries(ids.map((id) => [id, 'fail' as const])))
  const last = events.map((event) =>
    event.type === 'cell-finished' && event.cell === 'row-19@place-19' ? { ...event, signature: 's1:other' } : event,
  )
  const html = withoutScripts(renderHtml(foldRun([...last, finished]), context))
  expect(html.match(/class="cell-page /g)).toHaveLength(300)
  expect(html).toContain('<article id="row-19@place-19"')
  expect(html).toMatch(/100 cells, fail: it did not hold</)
})

test('what was kept of a try before the last is to be read beside what was kept of that', () => {
  const run = foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }), finished])
  const ref = (hash: string) => {
    return { hash: `sha256:${hash.repeat(64)}`, name: 'api.log', mediaType: 'text/plain', sizeBytes: 5, cutBytes: 0 }
  }
  const trouble = { stage: 'check', reason: 'engine-lost', message: 'it is gone', durationMs: 1000 } as const
  const cells = run.cells.map((cell) => ({
    ...cell,
    evidence: [ref('a')],
    troubles: [{ ...trouble, evidence: [ref('b')] }],
  }))
  const html = renderHtml({ ...run, cells }, { ...context, evidence: ({ hash }) => `it says ${hash.slice(7, 10)}` })
  const names = [...html.matchAll(/<summary>(api\.log[^<]*)/g)].map(([, name]) => name)
  expect(names).toEqual(['api.log', 'api.log, before it was tried again'])
  expect(html).toContain('it says bbb')
})

describe('the page of a cell tells of a constraint', () => {
  const run = foldRun([...eventsOf(['api'], ['qa'], { 'api@qa': 'pass' }), finished])
  const constraints: readonly ConstraintRecord[] = [
    { key: 'mem_limit', value: 2 ** 26, provenance: 'unsupported', observed: null, agrees: null },
    { key: 'read_only', value: true, provenance: 'enforced', observed: true, agrees: true },
    { key: 'pids_limit', value: 100, provenance: 'enforced', observed: 90, agrees: false },
  ]
  const html = renderHtml({ ...run, cells: run.cells.map((cell) => ({ ...cell, constraints })) }, context)
  const page = /<article id="api@qa".*?<\/article>/s.exec(withoutScripts(html))?.[0] ?? ''
  /** What stands in the row of a constraint, after its name. */
  const toldOf = (key: string) => {
    const row = new RegExp(`<tr[^>]*><th scope="row"><code>${key}</code></th>(.*?)</tr>`).exec(page)?.[1] ?? ''
    return [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell = '']) => cell.replace(/<[^>]*>/g, ''))
  }

  test('that its engine does not support, in that word', () => {
    expect(toldOf('mem_limit')).toEqual(['64 MiB', '–', 'unsupported'])
  })
  test('that was not enforced, beneath the matrix too', () => {
    const [matrix = ''] = html.split('id="cells"')
    expect(matrix).toContain('Not enforced in qa: mem_limit (1 cell).')
  })
  test('that is enforced, with what was observed', () => {
    expect(toldOf('read_only')).toEqual(['true', 'true', 'enforced'])
  })
  test('that is not what was declared', () => {
    expect(toldOf('pids_limit')).toEqual(['100', '90', 'enforced, does not agree'])
  })
})

test('a cell stands in the run over time where it ran, and not where its images were brought', () => {
  const phases = [
    { name: 'distribute', startMs: 0, durationMs: 3000 },
    { name: 'network', startMs: 6000, durationMs: 100 },
  ]
  const run = foldRun([
    ...eventsOf(['api'], ['qa'], { 'api@qa': 'pass' }),
    ...phases.map((phase) => ({ type: 'cell-phase', atMs: 6100, cell: 'api@qa', phase }) as const),
    finished,
  ])
  const svg = /<title>api@qa.*?<\/g>/.exec(renderHtml(run, context))?.[0] ?? ''
  const at = (look: string) => Number(new RegExp(`class="span ${look}" x="([\\d.]+)"`).exec(svg)?.[1])
  expect([at('brought'), Math.round(at('pass'))]).toEqual([0, Math.round((6000 / run.timing.makespanMs) * 1000)])
})

describe('a report is never larger than 25 MB', () => {
  const bound = 25 * 1024 * 1024
  const small = 1024 * 1024
  /** Quotes take six times their size in markup. */
  const quotes = (length: number) => '"'.repeat(length)
  const reportOf = (size: number, cells: number, checks: number, maxBytes = small) => {
    const rows = Array.from({ length: size }, (_, index) => `row-${index}`)
    const columns = Array.from({ length: size }, (_, index) => `place-${index}`)
    const ids = rows.flatMap((row) => columns.map((column) => `${row}@${column}`)).slice(0, cells)
    const seen = Array.from({ length: checks }, (_, index) =>
      checkRecord(`check ${index}`, { outcome: 'fail', expected: quotes(4000), actual: quotes(4000) }),
    )
    const log = { name: 'log', mediaType: 'text/plain', hash: `sha256:${'b'.repeat(64)}`, sizeBytes: 9, cutBytes: 0 }
    const events = eventsOf(rows, columns, Object.fromEntries(ids.map((id) => [id, 'fail' as const])), seen)
    const evidence = () => `the log ${quotes(60_000)}`
    const withLogs = events.map((event) => (event.type === 'cell-finished' ? { ...event, evidence: [log] } : event))
    return renderHtml(foldRun([...withLogs, finished]), { ...context, evidence }, { maxBytes })
  }
  const link = `<a href="evidence/${'b'.repeat(64)}">`

  test('where its logs make it so they are files beside it, which it says and links', () => {
    const html = reportOf(16, 256, 1, bound)
    expect(Buffer.byteLength(html)).toBeLessThan(bound)
    expect(html).toContain('The logs are not in this page')
    expect(html).not.toContain('the log &quot;')
    expect(html.split(link)).toHaveLength(256 + 1)
    expect(html.match(/class="cell-page /g)).toHaveLength(256)
  })
  test('where the pages make it so most are packed', () => {
    const html = reportOf(6, 36, 1, 1.6 * small)
    expect(Buffer.byteLength(html)).toBeLessThan(1.6 * small)
    expect(html.match(/class="cell-page /g)).toHaveLength(30)
    expect(html).toMatch(/The logs are not in this page.*The pages of 6 more cells open from the matrix, by script/)
  })
  test('where nothing else helps, the matrix and why cells fail are what it has', () => {
    const html = reportOf(2, 3, 8)
    expect(Buffer.byteLength(html)).toBeLessThan(small)
    expect(html).not.toContain('class="cell-page ')
    expect(html).toContain('The pages of 4 cells are not in it either: all that is known of them is in run.json.')
    expect(html).toMatch(/3 cells, fail: it did not hold<\/summary><p class="note">row-0@place-0, /)
  })
})

describe('what a stack needs of any environment', () => {
  const run = foldRun([...eventsOf(['api', 'db', 'web'], ['qa'], { 'api@qa': 'pass' }), finished])
  const found = {
    schemaVersion: 1,
    startedAt: '2026-01-30T10:00:00.000Z',
    engine: 'docker 27.0.1, 6.1.0 amd64',
    rows: [{ what: 'memory', least: '12 MiB (fails at 11 MiB)' }],
    together: true,
    complete: true,
  } as const
  const withRequirements = (...records: readonly RequirementsRecord[]) =>
    renderHtml(run, { ...context, requirements: new Map(records.map((record) => [record.row, record])) })

  test('is told with the day and the image of which it was found', () => {
    const html = withRequirements(
      { ...found, row: 'api', imageId: `sha256:${'a'.repeat(64)}` },
      { ...found, row: 'db', imageId: `sha256:${'b'.repeat(64)}`, complete: false },
    )
    expect(html).toMatch(/memory<\/span> 12 MiB \(fails at 11 MiB\)/)
    expect(html).toContain('2026-01-30 10:00 UTC')
    expect(html).toMatch(/<code>aaaaaaaaaaaa<\/code>, on docker/)
    expect(html).toMatch(/<code>bbbbbbbbbbbb<\/code>, which is not the one of this run, on docker/)
    expect(html).toContain('did not come to its end')
    expect(html).toMatch(/Not searched for: web\./)
  })
  test('is not told where nobody searched for it', () => {
    expect(withRequirements()).toMatch(/Not searched for yet: api, db, web\./)
  })
})
