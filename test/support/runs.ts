/** Runs in memory, as events, for tests of what is made of them. */
import type { RunEvent, RunEventBody, RunStarted } from '../../src/model/event.ts'
import type { CellOutcome } from '../../src/model/outcome.ts'
import type { CheckRecord } from '../../src/model/run-record.ts'

const hex = (digit: string) => `sha256:${digit.repeat(64)}`

/** `row@environment` → what became of it; null: in flight when the run ended. A missing one never started. */
export function eventsOf(
  rows: readonly string[],
  environments: readonly string[],
  cells: Readonly<Record<string, CellOutcome | null>>,
  checks: readonly CheckRecord[] = [],
): readonly RunEvent[] {
  const bodies: RunEventBody[] = [
    {
      type: 'run-started',
      run: '2026-01-31-120000-abcd',
      startedAt: '2026-01-31T12:00:00.000Z',
      tool: { name: 'matrix', version: '0.1.0' },
      rows: rows.map((id) => ({ id, base: id, title: id, kind: 'stack', image: null })),
      environments: environments.map((id) => ({ id, title: id })),
      cells: rows.flatMap((stack) =>
        environments.map((environment) => ({
          id: `${stack}@${environment}`,
          stack,
          environment,
          excluded: cells[`${stack}@${environment}`] === 'excluded' ? 'never shipped there' : null,
          findings: [],
          expectedMs: null,
        })),
      ),
      builds: rows.map((stack) => ({ stack })),
    },
    ...rows.map(
      (row): RunEventBody => ({
        type: 'image-ready',
        row,
        image: { id: hex('a'), digest: null, platform: 'linux/amd64', sizeBytes: 1 },
      }),
    ),
  ]
  for (const [cell, outcome] of Object.entries(cells)) {
    if (outcome === 'excluded' || outcome === 'not-run') continue
    bodies.push({ type: 'cell-started', cell, engine: 'unix:///run/engine.sock' })
    if (outcome === null) continue
    for (const check of checks) bodies.push({ type: 'cell-check', cell, check })
    const bad = outcome !== 'pass'
    bodies.push({
      type: 'cell-finished',
      cell,
      outcome,
      stage: bad ? 'check' : null,
      reason: bad ? 'mismatch' : null,
      message: bad ? 'it did not hold' : null,
      signature: outcome === 'fail' ? 's1:0123456789ab' : null,
      fingerprint: `f1:${'0'.repeat(64)}`,
      imageId: hex('a'),
      durationMs: 1500,
      findings: [],
      evidence: [],
    })
  }
  return bodies.map((body, index) => ({ atMs: index * 100, ...body }))
}

/** The last event of a run that was not killed. */
export const finished: RunEvent = {
  atMs: 9000,
  type: 'run-finished',
  outcome: 'pass',
  exitCode: 0,
  durationMs: 9000,
  timing: {
    makespanMs: 9000,
    lowerBoundMs: 8000,
    buildMs: 1000,
    distributeMs: 0,
    bytesDistributed: 0,
    imagesFetched: 0,
  },
}

export const checkRecord = (name: string, rest: Partial<CheckRecord> = {}): CheckRecord => ({
  name,
  kind: 'http',
  outcome: 'pass',
  reason: null,
  message: null,
  expected: null,
  actual: null,
  attempts: 1,
  durationMs: 20,
  at: 'stacks/api/stack.yaml:3:3',
  evidence: [],
  ...rest,
})

export interface MadePart {
  readonly index: number
  readonly count?: number
  /** Of this part; the rows of all parts are `api`, `db` and `site`. */
  readonly rows: readonly string[]
  readonly cells: Readonly<Record<string, CellOutcome | null>>
  readonly startedAt?: string
  readonly killed?: boolean
  readonly start?: Partial<RunStarted>
}

export const partEnvironments = ['qa', 'vm']

/** The journal of one of several parts. */
export function partOf(made: MadePart): readonly RunEvent[] {
  const { index, count = 2, rows, cells, startedAt = '2026-01-31T12:00:00.000Z', killed = false } = made
  const [first, ...rest] = eventsOf(rows, partEnvironments, cells)
  const [whole] = eventsOf(['api', 'db', 'site'], partEnvironments, {})
  if (first?.type !== 'run-started' || whole?.type !== 'run-started') throw new Error('a run begins with its start')
  const { rows: all, environments, cells: planned, builds } = whole
  const shard = { index, count, all: { rows: all, environments, cells: planned, builds, selection: 'whole' as const } }
  const run = `2026-01-31-12000${index}-000${index}`
  const start: RunEvent = { ...first, run, startedAt, selection: 'part', shard, ...made.start }
  return [start, ...rest, ...(killed ? [] : [finished])]
}
