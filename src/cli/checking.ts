/** Commands that run cells. */
import { type Command, Option } from 'commander'
import { addRunOptions, addSelection, count, examples, gateOption, type Perform, shardOption } from './options.ts'

export function addChecking(program: Command, perform: Perform): void {
  addRunOptions(
    addSelection(
      program
        .command('check')
        .description('Builds every stack once, runs that image in every environment, and fills the matrix.'),
    )
      .addOption(shardOption())
      .option('--failed', 'only the cells that were not green in the last run')
      .option('--changed', 'not again what passed with the same images, configuration, checks and engine, and lately')
      .option('--json', 'print the run as JSON on stdout, and nothing else there')
      .addOption(new Option('--concurrency <cells>', 'how many cells run at a time').argParser(count))
      .option(
        '--deadline <duration>',
        'end the run after this long, such as 10m; what was not answered by then is not-run',
      )
      .option('--keep-failed', 'leave the containers of cells that are not green'),
  )
    .option('--timing', 'print where the time went')
    .addOption(gateOption())
    .option('--no-rerun', 'do not run again, alone, what newly fails, to see whether it is a flake')
    .option('--explain', 'find out why failed cells fail, by running them again with fewer constraints')
    .option('--explain-budget <duration>', 'how long that may take in all (default: 15m)')
    .addHelpText(
      'after',
      examples([
        'matrix check',
        'matrix check --stack api-endpoint --env qa-server',
        'matrix check --json | jq .outcome',
      ]),
    )
    .action((cells: readonly string[], options) =>
      perform(async (io) =>
        (await import('../commands/check.ts')).runCheck({ ...options, cells, project: io.cwd }, io),
      ),
    )

  addRunOptions(
    program
      .command('explain')
      .description(
        'Finds the smallest set of constraints that makes a cell fail, by running it again with fewer of them.',
      )
      .argument('<cells...>', 'cells as STACK@ENVIRONMENT')
      .option('--json', 'print the run as JSON on stdout, and nothing else there')
      .option('--try', 'run the cell with what the stack could ask for, before that is shown')
      .option('--explain-budget <duration>', 'how long it may take in all (default: 15m)'),
  )
    .addHelpText(
      'after',
      examples(['matrix explain analytics-db@customer-servers', 'matrix explain --try static-site@qa-server']),
    )
    .action((cells: readonly string[], options) =>
      perform(async (io) =>
        (await import('../commands/explain.ts')).runExplain({ ...options, cells, project: io.cwd }, io),
      ),
    )

  addRunOptions(
    program
      .command('requirements')
      .description('Finds what a stack needs of any environment, by giving it ever less.')
      .argument('<stack>', 'the stack')
      .option('--json', 'print it as JSON on stdout, and nothing else there')
      .option('--budget <duration>', 'how long it may take (default: 15m)'),
  )
    .addHelpText('after', examples(['matrix requirements static-site', 'matrix requirements queue --budget 5m --json']))
    .action((stack: string, options) =>
      perform(async (io) =>
        (await import('../commands/requirements.ts')).runRequirements({ ...options, row: stack, project: io.cwd }, io),
      ),
    )

  addRunOptions(
    program
      .command('nightly')
      .description('The nightly job: checks everything, explains, compares with the night before, tells what changed.')
      .addOption(gateOption())
      .option('--no-explain', 'do not find out why failed cells fail; run again, alone, what newly fails')
      .option('--explain-budget <duration>', 'how long that may take in all (default: 15m)')
      .option(
        '--deadline <duration>',
        'end the run after this long, such as 90m; what was not answered by then is not-run',
      ),
  )
    .addHelpText('after', examples(['matrix nightly', 'matrix nightly --gate regressions --deadline 90m']))
    .action((options) =>
      perform(async (io) => (await import('../commands/nightly.ts')).runNightly({ ...options, project: io.cwd }, io)),
    )
}
