/** A large project over many nights, made up but alike every time: for tests of size and of what is shown. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent, RunEventBody } from '../../src/model/event.ts'
import { foldRun } from '../../src/model/fold-run.ts'
import { baselineOf, type HistoryLine, pastRuns } from '../../src/model/history.ts'
import type { CellOutcome } from '../../src/model/outcome.ts'
import type { RunRecord } from '../../src/model/run-record.ts'
import type { Waiver } from '../../src/model/waiver.ts'
import { EvidenceStore } from '../../src/record/evidence-store.ts'
import { appendHistory, readHistory } from '../../src/record/history.ts'
import { runFolder } from '../../src/record/run-folder.ts'
import { checkRecord } from './runs.ts'

export interface NightsOptions {
  readonly rows: number
  readonly columns: number
  readonly nights: number
  /** What a cell answers in a night; the last has the highest number. */
  readonly outcome: (cell: { readonly row: number; readonly column: number }, night: number) => CellOutcome
  /** The log of each cell that is not green in the last night. */
  readonly log?: string
  readonly waivers?: readonly Waiver[]
  /** With the journals of every night. */
  readonly keepAll?: boolean
  /** Told in messages, titles and check names. */
  readonly hostile?: string
}

/** Writes the nights into a reports folder: the last with its journal and evidence, the others as history. */
export async function writeNights(reports: string, options: NightsOptions): Promise<RunRecord> {
  mkdirSync(reports, { recursive: true })
  const ids = Array.from({ length: options.nights }, (_, night) => nightId(night))
  let last: RunRecord | null = null
  for (const [night, run] of ids.entries()) {
    const isKept = options.keepAll === true || night === ids.length - 1
    const folder = runFolder(reports, run.id)
    if (isKept) mkdirSync(folder.evidence, { recursive: true })
    const store = isKept ? new EvidenceStore(folder.evidence) : null
    const events = await eventsOfNight({ ...options, ...run, night, history: readHistory(reports), store })
    if (isKept) writeFileSync(folder.journal, events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    last = foldRun(events)
    appendHistory(reports, last)
  }
  if (last === null) throw new Error('there is no night')
  writeFileSync(join(reports, 'latest.json'), JSON.stringify({ run: last.id, path: `${last.id}/run.json` }))
  return last
}

function nightId(night: number): { readonly id: string; readonly startedAt: string } {
  const startedAt = new Date(Date.UTC(2026, 9, 1 + night, 2)).toISOString()
  return { id: `${startedAt.slice(0, 10)}-020000-${randomBytes(2).toString('hex')}`, startedAt }
}

const hex = (n: number): string => n.toString(16).padStart(64, '0')

async function eventsOfNight(
  options: NightsOptions & {
    readonly id: string
    readonly startedAt: string
    readonly night: number
    readonly history: readonly HistoryLine[]
    readonly store: EvidenceStore | null
  },
): Promise<readonly RunEvent[]> {
  const { hostile = '' } = options
  const rows = Array.from({ length: options.rows }, (_, index) => `stack-${String(index).padStart(2, '0')}`)
  const columns = Array.from({ length: options.columns }, (_, index) => `place-${String(index).padStart(2, '0')}`)
  const cells = rows.flatMap((stack, row) =>
    columns.map((environment, column) => ({
      id: `${stack}@${environment}`,
      stack,
      environment,
      outcome: options.outcome({ row, column }, options.night),
      row,
      column,
    })),
  )
  const ids = new Set(cells.map((cell) => cell.id))
  const bodies: RunEventBody[] = [
    {
      type: 'run-started',
      run: options.id,
      startedAt: options.startedAt,
      tool: { name: 'matrix', version: '0.1.0' },
      rows: rows.map((id) => ({ id, base: id, title: `Stack ${id}${hostile}`, kind: 'stack', image: null })),
      environments: columns.map((id) => ({ id, title: `The place ${id}${hostile}` })),
      cells: cells.map(({ id, stack, environment, outcome }) => ({
        id,
        stack,
        environment,
        excluded: outcome === 'excluded' ? `never shipped there${hostile}` : null,
        findings: [],
        expectedMs: null,
      })),
      builds: rows.map((stack) => ({ stack })),
      source: { commit: hex(options.night).slice(-2).repeat(20), branch: `main${hostile}`, dirty: false },
      baseline: baselineOf(pastRuns(options.history), ids),
      waivers: options.waivers ?? [],
    },
    ...columns.map(
      (environment, index): RunEventBody => ({
        type: 'engine-ready',
        environment,
        engine: {
          name: 'docker',
          version: index % 3 === 0 ? '29.1.0' : '20.10.24',
          apiVersion: '1.41',
          ociRuntime: 'runc',
          rootless: index % 5 === 0,
          kernel: '6.1.0',
          cgroup: 'v2',
          arch: 'amd64',
          nodes: 1,
        },
        facts: { memoryBytes: 8 * 1024 ** 3, cpus: 4, storageDriver: 'overlay2' },
      }),
    ),
    ...rows.map(
      (row, index): RunEventBody => ({
        type: 'image-ready',
        row,
        image: {
          id: `sha256:${hex(index)}`,
          digest: null,
          platform: 'linux/amd64',
          sizeBytes: (100 + index + options.night) * 1024 ** 2,
        },
      }),
    ),
  ]
  for (const cell of cells) {
    if (cell.outcome === 'excluded' || cell.outcome === 'not-run') continue
    bodies.push({ type: 'cell-started', cell: cell.id, engine: 'unix:///run/engine.sock' })
    for (const [index, name] of ['network', 'create', 'start', 'ready', 'check', 'stop'].entries()) {
      const startMs = cell.row * 1000 + cell.column * 50 + index * 200
      bodies.push({ type: 'cell-phase', cell: cell.id, phase: { name, startMs, durationMs: 180 + cell.column } })
    }
    bodies.push({ type: 'cell-constraints', cell: cell.id, constraints: constraintsOf(cell.column) })
    const good = cell.outcome === 'pass'
    for (let index = 0; index < 6; index++) {
      const failing = !good && index === 3
      const outcome = failing ? (cell.outcome === 'error' ? 'error' : 'fail') : 'pass'
      bodies.push({
        type: 'cell-check',
        cell: cell.id,
        check: checkRecord(`check ${index} holds${hostile}`, {
          outcome,
          reason: failing ? 'mismatch' : null,
          message: failing ? `status: expected 200, found 500${hostile}` : null,
          expected: { status: 200, body: { contains: `answer ${index}` } },
          actual: { status: failing ? 500 : 200, body: `answer ${index} of ${cell.id} in 12 ms${hostile}` },
        }),
      })
    }
    const evidence =
      good || options.log === undefined || options.store === null
        ? []
        : [
            await options.store.put({
              name: `log of ${cell.id}${hostile}`,
              mediaType: 'text/plain',
              content: `${cell.id}\n${options.log}`,
              cell: cell.id,
            }),
          ]
    const signature = `s1:${hex(cell.row).slice(-12)}`
    const message = `check 3 does not hold: status 500 of row ${cell.row}${hostile}`
    bodies.push({
      type: 'cell-finished',
      cell: cell.id,
      outcome: cell.outcome,
      stage: good ? null : 'check',
      reason: good ? null : 'mismatch',
      message: good ? null : message,
      signature: good ? null : signature,
      fingerprint: `f1:${hex(cell.row * 100 + cell.column)}`,
      imageId: `sha256:${hex(cell.row)}`,
      durationMs: 1200 + cell.row * 10,
      findings: [],
      evidence,
      failures: good
        ? []
        : [
            {
              kind: cell.outcome === 'error' ? 'error' : 'fail',
              stage: 'check',
              check: `check 3 holds${hostile}`,
              reason: 'mismatch',
              message,
              signature,
            },
          ],
    })
  }
  const events = bodies.map((body, index): RunEvent => ({ atMs: index, ...body }))
  const timing = {
    makespanMs: 60_000,
    lowerBoundMs: 20_000,
    buildMs: 5000,
    distributeMs: 0,
    bytesDistributed: 0,
    imagesFetched: 0,
  }
  const failed = cells.some((cell) => cell.outcome === 'fail')
  return [
    ...events,
    {
      atMs: 60_000,
      type: 'run-finished',
      outcome: failed ? 'fail' : 'pass',
      exitCode: failed ? 1 : 0,
      durationMs: 60_000,
      timing,
    },
  ]
}

function constraintsOf(column: number) {
  const keys = ['read_only', 'user', 'pids_limit', 'mem_limit', 'cap_drop:ALL', 'tmpfs:/tmp', 'network.egress']
  return keys.map((key, index) => ({
    key,
    value: index % 2 === 0 ? true : `value ${column} of ${key}`,
    provenance: 'enforced' as const,
    observed: { seen: `/proc/self/status of ${key}`, column },
    agrees: true,
  }))
}
