/** Commands about the engines and the machine. */
import { Argument, type Command, Option } from 'commander'
import { engineOption, examples, type Perform } from './options.ts'

export function addMachine(program: Command, perform: Perform): void {
  const env = program.command('env').description('The engine and the hosts that Matrix runs itself.')
  const environmentsArgument = () =>
    new Argument(
      '[environments...]',
      'environments whose hosts are meant, or hosts as env status names them; all where none is named',
    )
  env
    .command('up')
    .description('Brings up the engine and the hosts that environments ask for; they stay up between runs.')
    .addArgument(environmentsArgument())
    .addOption(engineOption())
    .option('--install', 'may install packages')
    .option('--no-hosts', 'the engine alone')
    .addOption(new Option('--bases', "also make the project's base images").hideHelp())
    .action((environments: readonly string[], options) =>
      perform(async (io) => (await import('../commands/env.ts')).runEnvUp({ ...options, environments }, io)),
    )
  env
    .command('down')
    .description('Stops hosts, and with none named the embedded engine too; never an engine of yours.')
    .addArgument(environmentsArgument())
    .addOption(engineOption())
    .option('--purge', 'delete their images and data too')
    .action((environments: readonly string[], options) =>
      perform(async (io) => (await import('../commands/env.ts')).runEnvDown({ ...options, environments }, io)),
    )
  env
    .command('status')
    .description('Says which engine a run would use, and how the hosts and the embedded engine stand; starts nothing.')
    .addOption(engineOption())
    .option('--json', 'print it as JSON')
    .action((options) => perform(async (io) => (await import('../commands/env.ts')).runEnvStatus(options, io)))
  env
    .command('diff')
    .description('Two environments property by property, the defaults of their engines written out; starts nothing.')
    .usage('[options] <before> <after>')
    .argument('<before>', 'an environment')
    .argument('[after]', 'another one')
    .option('--all', 'also what is the same in both')
    .option('--json', 'print it as JSON')
    .action((before: string, after: string | undefined, options) =>
      perform(async (io) =>
        (await import('../commands/env-diff.ts')).runEnvDiff(
          { before, ...(after === undefined ? {} : { after }) },
          options,
          io,
        ),
      ),
    )
  env.addHelpText(
    'after',
    examples([
      'matrix env up --install',
      'matrix env up customer-servers',
      'matrix env status',
      'matrix env down --purge customer-servers',
      'matrix env down --purge',
      'matrix env diff qa-server customer-servers',
    ]),
  )

  program
    .command('doctor')
    .description('Says what this machine offers, what is missing, and the command that mends it.')
    .addOption(engineOption())
    .option('--json', 'print it as JSON')
    .addHelpText('after', examples(['matrix doctor']))
    .action((options) => perform(async (io) => (await import('../commands/doctor.ts')).runDoctor(options, io)))

  program
    .command('clean')
    .description('Removes what dead runs of this project left behind. Never touches a run that lives.')
    .option('--all', 'also images and hosts of this project, and the embedded engine with its data')
    .addOption(engineOption())
    .addHelpText('after', examples(['matrix clean', 'matrix clean --all']))
    .action((options) => perform(async (io) => (await import('../commands/clean.ts')).runClean(options, io)))
}
