/** Commands about the project's files; none starts anything. */
import { isAbsolute, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { addSelection, examples, type Perform, shardOption } from './options.ts'

export function addDeclarations(program: Command, perform: Perform): void {
  program
    .command('validate')
    .description('Checks the files and reports every mistake at once; starts nothing.')
    .option('--json', 'print the mistakes as JSON')
    .addHelpText('after', examples(['matrix validate', 'matrix -C ../shop validate']))
    .action((options) =>
      perform(async (io) => (await import('../commands/validate.ts')).runValidate({ ...options, project: io.cwd }, io)),
    )

  addSelection(
    program
      .command('list')
      .description(
        'Prints the plan, and what each cell answered last: cells, images, needs, exclusions; starts nothing.',
      ),
  )
    .addOption(shardOption())
    .option('--json', 'print the plan as JSON')
    .addHelpText('after', examples(['matrix list', 'matrix list --env customer-servers --json']))
    .action((cells: readonly string[], options) =>
      perform(async (io) => (await import('../commands/list.ts')).runList({ ...options, cells, project: io.cwd }, io)),
    )

  program
    .command('init')
    .description('Writes a first project to start from, or the nightly job of a CI system into a project.')
    .argument('[dir]', 'where; the working directory where none is named')
    .addOption(
      new Option('--ci <system>', 'only the nightly job').choices(['github', 'gitlab', 'jenkins', 'systemd', 'cron']),
    )
    .addHelpText('after', examples(['matrix init shop', 'matrix init --ci github']))
    .action((dir: string | undefined, options) =>
      perform(async (io) => {
        const project = resolve(io.cwd, dir ?? '.')
        return options.ci === undefined
          ? (await import('../commands/init.ts')).runInit({ project, absolute: isAbsolute(dir ?? '') }, io)
          : (await import('../commands/init-ci.ts')).runInitCi({ project, ci: options.ci }, io)
      }),
    )

  program
    .command('schema')
    .description('Prints the JSON Schema of a file format.')
    .argument('[name]', 'matrix, stack, environment, waivers or run; the names where none is given')
    .option('--write', 'write all of them to .matrix/schema/')
    .addHelpText('after', examples(['matrix schema stack', 'matrix schema --write']))
    .action((name: string | undefined, options) =>
      perform(async (io) =>
        (await import('../commands/schema.ts')).runSchema(
          { ...options, ...(name === undefined ? {} : { name }), project: io.cwd },
          io,
        ),
      ),
    )
}
