/** Metrics as text, for the textfile collector of node_exporter. */
import { changes } from '../model/comparison.ts'
import { cellOutcomes } from '../model/outcome.ts'
import type { RunRecord } from '../model/run-record.ts'

type Labels = Readonly<Record<string, string>>
interface Metric {
  readonly name: string
  readonly help: string
  readonly samples: readonly (readonly [Labels, number])[]
}

export function renderMetrics(run: RunRecord): string {
  const { cells } = run
  const count = (test: (cell: RunRecord['cells'][number]) => boolean) => cells.filter(test).length
  const metrics: readonly Metric[] = [
    {
      name: 'matrix_run_start_timestamp_seconds',
      help: 'When the last run started.',
      samples: [[{}, Date.parse(run.startedAt) / 1000]],
    },
    { name: 'matrix_run_duration_seconds', help: 'How long it took.', samples: [[{}, run.durationMs / 1000]] },
    { name: 'matrix_run_complete', help: '0 where the run was killed.', samples: [[{}, run.complete ? 1 : 0]] },
    {
      name: 'matrix_run_exit_code',
      help: 'What it ended with; -1 where it was killed.',
      samples: [[{}, run.exitCode ?? -1]],
    },
    {
      name: 'matrix_cells',
      help: 'Cells by outcome.',
      samples: cellOutcomes.map((outcome) => [{ outcome }, count((cell) => cell.outcome === outcome)]),
    },
    {
      name: 'matrix_cells_waived',
      help: 'Failing cells that a waiver covers.',
      samples: [[{}, count((cell) => cell.waiver !== null)]],
    },
    {
      name: 'matrix_cells_flaky',
      help: 'Cells whose answers differ though nothing else does.',
      samples: [[{}, count((cell) => cell.flaky)]],
    },
    {
      name: 'matrix_cells_changed',
      help: 'Cells by what became of them since the baseline.',
      samples: changes.map((change) => [{ change }, count((cell) => cell.change === change)]),
    },
    {
      name: 'matrix_cell_passed',
      help: '1 where the cell passed.',
      samples: cells.map(({ stack, environment, outcome }) => [{ stack, environment }, outcome === 'pass' ? 1 : 0]),
    },
    {
      name: 'matrix_cell_duration_seconds',
      help: 'How long the cell took.',
      samples: cells.map(({ stack, environment, durationMs }) => [{ stack, environment }, durationMs / 1000]),
    },
  ]
  return metrics.flatMap(linesOf).join('')
}

function linesOf({ name, help, samples }: Metric): readonly string[] {
  return [
    `# HELP ${name} ${help}\n`,
    `# TYPE ${name} gauge\n`,
    ...samples.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}\n`),
  ]
}

/** Ids and the words of outcomes hold nothing that would have to be escaped. */
function labelsOf(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
