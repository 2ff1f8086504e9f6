/** CTRF, the Common Test Report Format: a test a cell, a step a check. */
import { oneLine, printable } from '../lib/printable.ts'
import type { CellRecord, CheckRecord, RunRecord } from '../model/run-record.ts'

type Status = 'passed' | 'failed' | 'skipped' | 'pending' | 'other'

/** The format has no word for what could not be observed: it counts as failed, so that nobody takes it for green. */
function statusOf(cell: CellRecord): Status {
  switch (cell.outcome) {
    case 'pass':
      return 'passed'
    case 'fail':
      return cell.waiver === null ? 'failed' : 'skipped'
    case 'error':
    case 'blocked':
      return 'failed'
    case 'excluded':
      return 'skipped'
    case 'cancelled':
    case 'not-run':
      return 'pending'
  }
}

const stepStatus: Readonly<Record<CheckRecord['outcome'], Status>> = {
  pass: 'passed',
  fail: 'failed',
  error: 'failed',
  'not-run': 'pending',
}

export function renderCtrf(run: RunRecord): string {
  const start = Date.parse(run.startedAt)
  const tests = run.cells.map((cell) => testOf(cell, start))
  const count = (status: Status) => tests.filter((test) => test.status === status).length
  const report = {
    reportFormat: 'CTRF',
    specVersion: '0.0.0',
    runId: run.id,
    generatedBy: `${run.tool.name} ${run.tool.version}`,
    results: {
      tool: { name: run.tool.name, version: run.tool.version },
      summary: {
        tests: tests.length,
        passed: count('passed'),
        failed: count('failed'),
        skipped: count('skipped'),
        pending: count('pending'),
        other: count('other'),
        suites: run.environments.length,
        start,
        stop: start + Math.round(run.durationMs),
        duration: Math.round(run.durationMs),
      },
      tests,
    },
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

function testOf(cell: CellRecord, runStart: number) {
  const startMs = Math.min(...cell.phases.map((phase) => phase.startMs))
  const start = runStart + Math.round(Number.isFinite(startMs) ? startMs : 0)
  const duration = Math.round(cell.durationMs)
  const tags = [
    ...(cell.change === null || cell.change === 'unchanged' ? [] : [cell.change]),
    ...(cell.flaky ? ['flaky'] : []),
    ...(cell.waiver === null ? [] : ['waived']),
  ]
  return {
    testId: cell.id,
    name: cell.id,
    status: statusOf(cell),
    rawStatus: cell.waiver === null ? cell.outcome : 'waived',
    duration,
    start,
    stop: start + duration,
    suite: [cell.environment],
    type: 'smoke',
    ...(tags.length === 0 ? {} : { tags }),
    labels: {
      stack: cell.stack,
      environment: cell.environment,
      ...(cell.stage === null ? {} : { stage: cell.stage }),
      ...(cell.reason === null ? {} : { reason: cell.reason }),
      ...(cell.signature === null ? {} : { signature: cell.signature }),
      ...(cell.observedIn === null ? {} : { observedIn: cell.observedIn.run }),
    },
    ...(cell.message === null ? {} : { message: printable(cell.message) }),
    ...(cell.checks.length === 0
      ? {}
      : { steps: cell.checks.map((check) => ({ name: oneLine(check.name), status: stepStatus[check.outcome] })) }),
  }
}
