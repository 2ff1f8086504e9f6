/** Commands that read what runs left, and judge it. */
import { type Command, Option } from 'commander'
import { addSelection, count, examples, type Perform, port } from './options.ts'

export function addResults(program: Command, perform: Perform): void {
  program
    .command('report')
    .description(
      'Renders a run again from its journal, also one that was killed; or the parts of a sharded run as one.',
    )
    .argument('[run]', 'the run; the latest where none is named')
    .addOption(
      new Option('--format <format>', 'print only this, on stdout').choices([
        'html',
        'json',
        'junit',
        'ctrf',
        'markdown',
        'metrics',
        'badge',
      ]),
    )
    .option(
      '--separate',
      'also a report.html with its style and script in files of their own, for servers that forbid inline ones',
    )
    .option('--merge <parts...>', 'make one run of the parts of matrix check --shard: runs, or folders of runs')
    .addHelpText(
      'after',
      examples([
        'matrix report',
        'matrix report 2026-01-31-230000-1a2b --format junit',
        'matrix report --merge parts/*/2*/',
      ]),
    )
    .action((run: string | undefined, options) =>
      perform(async (io) =>
        (await import('../commands/report.ts')).runReport(
          { ...options, ...(run === undefined ? {} : { run }), project: io.cwd },
          io,
        ),
      ),
    )

  program
    .command('serve')
    .description(
      'Shows the reports on this machine only, read-only: the runs, and the progress of one that is under way.',
    )
    .addOption(new Option('--port <number>', 'the port; any that is free where 0').argParser(port).default(4040))
    .addHelpText('after', examples(['matrix serve', 'matrix serve --port 8080']))
    .action((options) =>
      perform(async (io) => (await import('../commands/serve.ts')).runServe({ ...options, project: io.cwd }, io)),
    )

  addSelection(
    program
      .command('history')
      .description('What each cell answered over the last runs; ? where its last answer cannot be believed any more.'),
  )
    .addOption(new Option('--runs <count>', 'how many runs').argParser(count))
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples(['matrix history', 'matrix history api-endpoint-py3@qa-server --runs 100']))
    .action((cells: readonly string[], options) =>
      perform(async (io) =>
        (await import('../commands/history.ts')).runHistory({ ...options, cells, project: io.cwd }, io),
      ),
    )

  program
    .command('diff')
    .description('What became of each cell between two runs, and what else changed between them.')
    .argument('[from]', 'the earlier run, or the beginning of its id; the one before the other where absent')
    .argument('[to]', 'the later run; the last where absent')
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples(['matrix diff', 'matrix diff 2026-01-30 2026-01-31']))
    .action((from: string | undefined, to: string | undefined, options) =>
      perform(async (io) =>
        (await import('../commands/diff.ts')).runDiff({ ...options, ...defined({ from, to }), project: io.cwd }, io),
      ),
    )

  program
    .command('waive')
    .description('Accepts what a cell failed with in its last run, for a time, in waivers.yaml.')
    .argument('<cell>', 'the cell as STACK@ENVIRONMENT')
    .requiredOption('--reason <text>', 'why it is acceptable')
    .requiredOption('--owner <name>', 'who sees to it')
    .option('--issue <link>', 'where it is dealt with')
    .addOption(new Option('--days <count>', 'how long, 90 at most').argParser(count).default(30))
    .addHelpText(
      'after',
      examples(['matrix waive analytics-db@customer-servers --reason "fixed in 2.1" --owner @ops --days 14']),
    )
    .action((cell: string, options) =>
      perform(async (io) => (await import('../commands/waive.ts')).runWaive({ ...options, cell, project: io.cwd }, io)),
    )
}

/** Without the members that are undefined, as `exactOptionalPropertyTypes` asks. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as never
}
