/** Commands on what `matrix check --keep-failed` left of a cell. */
import { type Command, Option } from 'commander'
import { count, engineOption, examples, type Perform } from './options.ts'

export function addKept(program: Command, perform: Perform): void {
  program
    .command('logs')
    .description('What the containers have said that matrix check --keep-failed left of a cell; starts nothing.')
    .argument('<cell>', 'the cell as STACK@ENVIRONMENT')
    .addOption(new Option('--tail <lines>', 'only so many of the last lines of each').argParser(count))
    .addOption(engineOption())
    .addHelpText(
      'after',
      examples(['matrix check api-endpoint-py3@qa-server --keep-failed', 'matrix logs api-endpoint-py3@qa-server']),
    )
    .action((cell: string, options) =>
      perform(async (io) => (await import('../commands/logs.ts')).runLogs({ ...options, cell, project: io.cwd }, io)),
    )

  program
    .command('shell')
    .description('A shell in the container that matrix check --keep-failed left of a cell, while it still runs.')
    .argument('<cell>', 'the cell as STACK@ENVIRONMENT')
    .argument('[command...]', 'another command than /bin/sh, behind --')
    .option('--in <container>', 'a stack that the cell needs, by its name on the network of the cell')
    .addOption(engineOption())
    .addHelpText(
      'after',
      examples([
        'matrix shell api-endpoint-py3@qa-server',
        'matrix shell api-endpoint-py3@qa-server --in user-db -- id -u',
      ]),
    )
    .action((cell: string, command: readonly string[], options) =>
      perform(async (io) =>
        (await import('../commands/shell.ts')).runShell({ ...options, cell, command, project: io.cwd }, io),
      ),
    )
}
