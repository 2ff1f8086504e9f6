/** JUnit XML in the dialect that GitLab and Jenkins read: a suite an environment, a case a check. */
import { create } from 'xmlbuilder2'
import { printable } from '../lib/printable.ts'
import type { CellRecord, CheckRecord, RunRecord } from '../model/run-record.ts'

interface Case {
  readonly name: string
  readonly className: string
  readonly seconds: string
  readonly result: {
    readonly element: 'failure' | 'error' | 'skipped'
    readonly type: string
    readonly text: string
  } | null
}

export function renderJunit(run: RunRecord): string {
  const root = create({ version: '1.0', encoding: 'UTF-8' }).ele('testsuites', { name: `matrix ${run.id}` })
  for (const environment of run.environments) {
    const cases = run.cells.filter((cell) => cell.environment === environment.id).flatMap(casesOf)
    const count = (element: string) => String(cases.filter((one) => one.result?.element === element).length)
    const suite = root.ele('testsuite', {
      name: clean(environment.id),
      timestamp: run.startedAt.replace(/\.\d+Z$/, ''),
      tests: String(cases.length),
      failures: count('failure'),
      errors: count('error'),
      skipped: count('skipped'),
      time: seconds(cases.reduce((sum, one) => sum + Number(one.seconds) * 1000, 0)),
    })
    for (const one of cases) {
      const element = suite.ele('testcase', {
        name: clean(one.name),
        classname: clean(one.className),
        time: one.seconds,
      })
      if (one.result === null) continue
      const { type, text } = one.result
      element.ele(one.result.element, { type, message: clean(text).slice(0, 300) }).txt(clean(text))
    }
  }
  return `${root.end({ prettyPrint: true })}\n`
}

/** One case a check, and one for the cell itself, which is where trouble outside of checks shows. */
function casesOf(cell: CellRecord): readonly Case[] {
  const className = `matrix.${cell.environment}.${cell.stack}`
  const checks = unique(cell.checks).map(
    ({ check, name }): Case => ({
      name,
      className,
      seconds: seconds(check.durationMs),
      result: checkResult(check, cell),
    }),
  )
  const outside = cell.stage === 'check' && checks.some((one) => one.result !== null) ? null : cellResult(cell)
  return [
    {
      name: 'runs',
      className,
      seconds: seconds(
        cell.phases.reduce((sum, phase) => sum + (phase.name.startsWith('check ') ? 0 : phase.durationMs), 0),
      ),
      result: outside,
    },
    ...checks,
  ]
}

function cellResult(cell: CellRecord): Case['result'] {
  const text = `${cell.stage ?? ''} ${cell.reason ?? ''}: ${cell.message ?? ''}`.trim()
  switch (cell.outcome) {
    case 'pass':
      return null
    case 'fail':
      return cell.waiver === null
        ? { element: 'failure', type: `matrix.${cell.stage ?? 'cell'}`, text }
        : { element: 'skipped', type: 'matrix.waived', text: waived(cell) }
    case 'blocked':
      // It ends the run as a check that fails does.
      if (cell.reason === 'build-step') return { element: 'failure', type: 'matrix.build-step', text }
      return { element: 'error', type: `infra.${cell.reason ?? cell.outcome}`, text }
    case 'error':
      return { element: 'error', type: `infra.${cell.reason ?? cell.outcome}`, text }
    case 'excluded':
      return { element: 'skipped', type: 'matrix.excluded', text: cell.message ?? 'excluded' }
    case 'cancelled':
    case 'not-run':
      return { element: 'error', type: 'matrix.not-run', text: cell.message ?? cell.outcome }
  }
}

function checkResult(check: CheckRecord, cell: CellRecord): Case['result'] {
  const text = [
    check.message ?? check.outcome,
    `expected: ${JSON.stringify(check.expected)}`,
    `found: ${JSON.stringify(check.actual)}`,
    `declared at ${check.at}`,
  ].join('\n')
  switch (check.outcome) {
    case 'pass':
      return null
    case 'fail':
      return cell.waiver === null
        ? { element: 'failure', type: `matrix.check.${check.kind}`, text }
        : { element: 'skipped', type: 'matrix.waived', text: waived(cell) }
    case 'error':
      return { element: 'error', type: `infra.${check.reason ?? 'unobservable'}`, text }
    case 'not-run':
      return cell.waiver === null
        ? { element: 'error', type: 'matrix.not-run', text: check.message ?? 'not run' }
        : { element: 'skipped', type: 'matrix.waived', text: waived(cell) }
  }
}

const waived = (cell: CellRecord): string =>
  cell.waiver === null ? '' : `waived by ${cell.waiver.owner} until ${cell.waiver.expires}: ${cell.waiver.reason}`

function unique(checks: readonly CheckRecord[]): readonly { readonly check: CheckRecord; readonly name: string }[] {
  const seen = new Map<string, number>([['runs', 1]])
  return checks.map((check) => {
    const count = (seen.get(check.name) ?? 0) + 1
    seen.set(check.name, count)
    return { check, name: count === 1 ? check.name : `${check.name} (${count})` }
  })
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3)
// Lone surrogates and the non-characters are not XML; the others that are not are made visible by `printable`.
const clean = (text: string): string => printable(text).replace(/[\uFFFE\uFFFF]/g, '\uFFFD')
