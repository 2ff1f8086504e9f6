import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { create } from 'xmlbuilder2'
import { systemClock } from '../../../src/lib/clock.ts'
import type { RunEvent } from '../../../src/model/event.ts'
import { foldRun } from '../../../src/model/fold-run.ts'
import { runSchema } from '../../../src/record/run-schema.ts'
import { formatDuration } from '../../../src/reporters/duration.ts'
import { renderGrid } from '../../../src/reporters/grid.ts'
import { renderJunit } from '../../../src/reporters/junit.ts'
import { LiveRun } from '../../../src/reporters/live-state.ts'
import { renderMarkdown } from '../../../src/reporters/markdown.ts'
import { multiplex } from '../../../src/reporters/reporter.ts'
import { unenforcedSentences } from '../../../src/reporters/sentence.ts'
import { renderFinal } from '../../../src/reporters/terminal-final.ts'
import { terminalLines } from '../../../src/reporters/terminal-lines.ts'
import { renderLive } from '../../../src/reporters/terminal-live.ts'
import { checkRecord, eventsOf, finished } from '../../support/runs.ts'

const rows = ['static-site', 'user-db', 'queue', 'api-endpoint']
const columns = ['development-vm', 'qa-server', 'single-prod-server', 'onsite-cluster', 'public-cloud']
const all = Object.fromEntries(rows.flatMap((row) => columns.map((column) => [`${row}@${column}`, 'pass' as const])))
const hostile = '\u001b[2J\u0007\r<script>&]]>\u0000\uFFFF\u202E|`*_"\''
const hostileRun = foldRun([
  ...eventsOf(['api'], ['qa'], { 'api@qa': 'fail' }, [
    checkRecord(hostile, { outcome: 'fail', message: hostile, actual: hostile }),
    checkRecord(hostile),
    checkRecord('runs'),
  ]),
  finished,
])
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/

describe('the grid', () => {
  const grid = { rows, columns, state: (row: string, column: string) => all[`${row}@${column}`] ?? null }
  test('shows words where there is room', () => {
    const text = renderGrid(grid, { width: 200, color: false })
    expect(text.match(/✔ pass/g)).toHaveLength(20)
    expect(text).toContain('single-prod-server')
  })
  test.each([60, 40, 24])('fits %i columns, with letters and a legend', (width) => {
    const text = renderGrid(grid, { width, color: false })
    expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(width)
    expect(text).toContain('P pass')
    expect(text).toContain('3 single-prod-server')
  })
  test('tells outcomes apart without colour', () => {
    const states = ['pass', 'fail', 'error', 'blocked', 'excluded', 'cancelled', 'not-run', 'running'] as const
    const one = { rows: ['r'], columns: [...states], state: (_: string, column: string) => column as 'pass' }
    for (const width of [400, 30]) {
      const line =
        renderGrid(one, { width, color: false })
          .split('\n')
          .find((text) => /│ r |^\S+ r$/.test(text)) ?? ''
      const shown = line
        .split('│')
        .map((text) => text.trim())
        .filter((text) => text !== '' && text !== 'r')
      const marks = shown.length === 1 ? [...(shown[0] ?? '').slice(0, 8)] : shown
      expect(new Set(marks).size).toBe(states.length)
    }
  })
})

describe('the live view', () => {
  const live = (upTo: number) => {
    const run = new LiveRun()
    for (const event of eventsOf(rows, columns, { ...all, 'queue@qa-server': null }).slice(0, upTo)) run.event(event)
    return run.state(1000)
  }
  test('turns each ? into its answer', () => {
    const text = (upTo: number) => renderLive(live(upTo), { columns: 200, rows: 60, color: false, elapsedMs: 1000 })
    expect(text(1).match(/│ \?/g)).toHaveLength(20)
    expect(text(1)).toContain('0 of 20 cells answered')
    expect(text(1000).match(/✔ pass/g)).toHaveLength(19)
    expect(text(1000)).toContain('queue@qa-server: create')
  })
  test('tells what is to come by the durations of the last run', () => {
    const run = new LiveRun()
    const [start, ...rest] = eventsOf(['api'], ['a', 'b', 'c'], { 'api@a': 'pass', 'api@b': null })
    if (start?.type !== 'run-started') throw new Error('a run begins with its start')
    const known = start.cells.map((cell, index) => ({ ...cell, expectedMs: (index + 1) * 1000 }))
    run.event({ ...start, cells: known })
    for (const event of rest) run.event(event)
    const since = rest.at(-1)?.atMs ?? 0
    // Of b 2 s less the half second that it has run, of c 3 s, one at a time.
    expect(run.state(since + 500).expectedMs).toBe(4500)
    // Where b takes longer than it did, c is still to come.
    expect(run.state(since + 60_000).expectedMs).toBe(3000)
  })
  test('shows a failure that a waiver covers as waived, and another as failed', () => {
    const shown = (signature: string) => {
      const run = new LiveRun()
      for (const event of eventsOf(['api'], ['qa'], { 'api@qa': 'fail' })) {
        const match = { stack: 'api', environment: 'qa', signature: 's1:0123456789ab' }
        const waiver = { match, reason: 'x', owner: 'y', issue: null, created: '2026-01-01', expires: '2026-03-01' }
        const failure = {
          kind: 'fail',
          stage: 'check',
          check: 'a',
          reason: 'mismatch',
          message: '',
          signature,
        } as const
        if (event.type === 'run-started') run.event({ ...event, waivers: [{ ...waiver, at: '' }] })
        else run.event(event.type === 'cell-finished' ? { ...event, failures: [failure] } : event)
      }
      return run.state(0).grid.state('api', 'qa')
    }
    expect([shown('s1:0123456789ab'), shown('s1:ffffffffffff')]).toEqual(['waived', 'fail'])
  })
  test('is never taller or wider than the terminal', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.integer({ min: 30, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        (height, width, upTo) => {
          const lines = renderLive(live(upTo), { columns: width, rows: height, color: false, elapsedMs: 5 }).split('\n')
          expect(lines.length).toBeLessThan(Math.max(height, 2))
          expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThan(width)
        },
      ),
    )
  })
})

test('what was taken over from an earlier run is told as that, everywhere', () => {
  const observedIn = { run: '2026-01-30-120000-abcd', cell: 'api@qa', startedAt: '2026-01-30T12:00:00.000Z' }
  const events = [...eventsOf(['api'], ['qa', 'vm'], { 'api@qa': 'pass', 'api@vm': 'pass' }), finished].map((event) =>
    event.type === 'cell-finished' && event.cell === 'api@qa' ? { ...event, observedIn } : event,
  )
  const run = foldRun(events)
  expect(run.cells.map((cell) => cell.observedIn)).toEqual([observedIn, null])
  const options = { columns: 100, color: false, reportPath: 'x', timing: false, evidence: () => null }
  expect(renderFinal(run, options)).toContain('2 passed (1 in an earlier run, unchanged since)')
  const told: string[] = []
  const lines = terminalLines({ write: (part) => told.push(part), color: false }, systemClock)
  for (const event of events) lines.event(event)
  expect(told.join('')).toContain('api@qa pass since 2026-01-30-120000-abcd, unchanged')
})

test('trouble after which a cell was tried again is told everywhere, also of what is green then', () => {
  const trouble = {
    stage: 'create',
    reason: 'unobservable',
    message: 'the disk\n\u001b[31mis busy',
    durationMs: 7,
    failures: [
      {
        kind: 'fail',
        stage: 'check',
        check: 'it answers',
        reason: 'oom-killed',
        message: 'api was killed for want of memory',
        signature: 's1:000000000000',
      },
    ],
    evidence: [],
  } as const
  const events = eventsOf(['api'], ['qa'], { 'api@qa': 'pass' }).flatMap((event): readonly RunEvent[] =>
    event.type === 'cell-started'
      ? [event, { atMs: event.atMs, type: 'cell-tried-again', cell: event.cell, trouble }, event]
      : [event],
  )
  const run = foldRun([...events, finished])
  expect(run.cells[0]).toMatchObject({ outcome: 'pass', flaky: false, troubles: [trouble] })
  expect(runSchema.safeParse(run).error?.issues ?? []).toEqual([])
  // What an engine says may be what a container said.
  const why = 'trouble at create (unobservable): the disk ␛[31mis busy; before that api was killed for want of memory'
  const options = { columns: 100, color: false, reportPath: 'x', timing: false, evidence: () => null }
  expect(renderFinal(run, options)).toContain(`tried again: api@qa, for ${why}`)
  expect(renderMarkdown(run)).toContain('the disk ␛')
  const told: string[] = []
  const lines = terminalLines({ write: (part) => told.push(part), color: false }, systemClock)
  for (const event of events) lines.event(event)
  expect(told.join('')).toContain(`api@qa is tried again, for ${why}`)
  const live = new LiveRun()
  for (const event of events) live.event(event)
  expect(live.state(0).notice).toContain('api@qa is tried again')
})

test('what was not enforced stands beside the matrix, in the terminal and in the summary', () => {
  const unsupported = { key: 'mem_limit', value: 1, provenance: 'unsupported', observed: null, agrees: null } as const
  const enforced = { key: 'read_only', value: true, provenance: 'enforced', observed: true, agrees: true } as const
  const events = eventsOf(['api', 'web'], ['qa', 'vm'], { 'api@qa': 'pass', 'web@qa': 'pass', 'api@vm': 'pass' })
  const withConstraints = events.flatMap((event): readonly RunEvent[] => {
    if (event.type !== 'cell-started') return [event]
    const { atMs, cell } = event
    const constraints = cell.endsWith('@qa') ? [unsupported, enforced] : [enforced]
    return [event, { atMs, type: 'cell-constraints', cell, constraints }]
  })
  const run = foldRun([...withConstraints, finished])
  const options = { columns: 100, color: false, reportPath: 'x', timing: false, evidence: () => null }
  const sentence = 'Not enforced in qa: mem_limit (2 cells).'
  expect(unenforcedSentences(run)).toEqual([sentence])
  expect(renderFinal(run, options)).toContain(sentence)
  expect(renderMarkdown(run)).toContain('Not enforced in qa&#58; mem&#95;limit (2 cells).')
})

test('lines tell each answer and how many there are, and when', () => {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  let now = 5000
  const reporter = terminalLines({ write, color: false }, { ...systemClock, now: () => now })
  now = 7500
  reporter.progress({ type: 'notice', text: 'making a host' })
  expect(text).toBe('      2.5 s  making a host\n')
  for (const event of eventsOf(['api'], ['qa', 'vm'], { 'api@qa': 'pass', 'api@vm': 'fail' })) reporter.event(event)
  expect(text).toContain('1/2  api@qa pass in 1.5 s')
  expect(text).toContain('2/2  api@vm fail in 1.5 s at check (mismatch): it did not hold')
  const phase = (name: string, durationMs: number) =>
    reporter.event({ atMs: 90_000, type: 'cell-phase', cell: 'api@vm', phase: { name, startMs: 0, durationMs } })
  text = ''
  phase('ready api', 29_000)
  phase('distribute', 60_000)
  expect(text).toBe('')
  phase('ready api', 80_000)
  expect(text).toContain('api@vm: ready api, 1 min 20 s\n')
  reporter.end()
})

test('lines tell how a row came out, once its last cell has answered', () => {
  const told: string[] = []
  const lines = terminalLines({ write: (part) => told.push(part), color: false }, systemClock)
  const outcomes = { 'api@qa': 'pass', 'api@vm': 'fail', 'web@qa': 'pass', 'web@vm': null } as const
  for (const event of eventsOf(['api', 'web'], ['qa', 'vm'], outcomes)) lines.event(event)
  lines.end()
  expect(told.filter((line) => line.includes('  row '))).toEqual([
    expect.stringMatching(/ {2}row api: 1 pass, 1 fail\n$/),
  ])
})

describe('lines that nothing is told in for long', () => {
  function withHandClock() {
    let now = 0
    let wake = () => {}
    const told: string[] = []
    const clock = {
      ...systemClock,
      now: () => now,
      sleep: (_: number, signal?: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          wake = resolve
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    }
    const lines = terminalLines({ write: (part) => told.push(part), color: false }, clock)
    const pass = async (ms: number) => {
      now += ms
      wake()
      await Promise.resolve()
    }
    return { lines, told, pass }
  }
  test('tell what still runs, and for how long', async () => {
    const { lines, told, pass } = withHandClock()
    for (const event of eventsOf(['api'], ['qa'], { 'api@qa': null })) lines.event(event)
    told.length = 0
    await pass(29_000)
    expect(told).toEqual([])
    await pass(31_000)
    expect(told).toEqual([expect.stringMatching(/^ 1 min 00 s {2}still: api@qa, create \(59\.\d s\)\n$/)])
    lines.progress({ type: 'cell-probe', cell: 'api@qa', number: 3, purpose: 'without init', state: 'begins' })
    await pass(45_000)
    expect(told[1]).toContain('; api@qa, probe 3, without init (45.0 s)')
    lines.progress({ type: 'cell-probe', cell: 'api@qa', number: 3, purpose: 'without init', state: 'over' })
    await pass(45_000)
    expect(told[2]).not.toContain('probe')
    lines.end()
  })
  test('repeat the last notice where nothing else is known', async () => {
    const { lines, told, pass } = withHandClock()
    await pass(40_000)
    expect(told).toEqual([])
    lines.progress({ type: 'host-progress', environment: null, text: 'unpacking packages' })
    await pass(40_000)
    expect(told).toEqual([expect.stringContaining('unpacking'), expect.stringContaining('still: unpacking packages')])
    lines.end()
  })
})

describe('what a container wrote', () => {
  test('cannot act on a terminal', () => {
    const options = { columns: 100, color: false, reportPath: 'x', timing: true, evidence: () => hostile }
    expect(renderFinal(hostileRun, options)).not.toMatch(control)
  })
  test('is text in JUnit, and every name is its own', () => {
    const xml = renderJunit(hostileRun)
    expect(xml).not.toMatch(control)
    const parsed = create(xml).end({ format: 'object' }) as unknown as {
      testsuites: { testsuite: { '@tests': string; '@failures': string; testcase: { '@name': string }[] } }
    }
    const suite = parsed.testsuites.testsuite
    expect([suite['@tests'], suite['@failures']]).toEqual(['4', '1'])
    expect(new Set(suite.testcase.map((one) => one['@name'])).size).toBe(4)
  })
  test('is text in Markdown', () => {
    const run = {
      ...hostileRun,
      cells: hostileRun.cells.map((cell) => ({ ...cell, message: `${hostile} [a](b)\n::error::x` })),
    }
    const text = renderMarkdown(run)
    expect(text).not.toMatch(/<script|\]\(|^::/m)
  })
})

test('a reporter that breaks is left out, and the others go on', () => {
  const seen: string[] = []
  const broken: unknown[] = []
  const silent = { progress: () => {}, end: () => {} }
  const ended: string[] = []
  const both = multiplex(
    [
      {
        ...silent,
        event: () => {
          throw new Error('broken')
        },
        end: () => ended.push('the broken one'),
      },
      { ...silent, event: (event) => seen.push(event.type), end: () => ended.push('the other') },
    ],
    (error) => broken.push(error),
  )
  both.event(finished)
  both.event(finished)
  expect([seen, broken.length]).toEqual([['run-finished', 'run-finished'], 1])
  // One that goes on drawing would keep the program alive.
  expect(ended).toEqual(['the broken one'])
  both.end()
  both.end()
  expect(ended).toEqual(['the broken one', 'the other'])
})

test.each([
  [850, '850 ms'],
  [4200, '4.2 s'],
  [59_970, '1 min 00 s'],
  [65_000, '1 min 05 s'],
  [7_380_000, '2 h 03 min'],
])('%i ms reads %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})
