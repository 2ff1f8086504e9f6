/** argv, signals and the exit code: the only file that touches `process`. */
import { resolve } from 'node:path'
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Io } from './commands/io.ts'
import { CancelledError, manyListeners } from './lib/abort.ts'
import { printable } from './lib/printable.ts'

const exit = { ok: 0, usage: 2, internal: 70, interrupted: 130 } as const

const cancelling = new AbortController()
manyListeners(cancelling.signal)
let exitCode: number = exit.ok

/** Runs one command; its module is loaded only now, so that `--help` stays quick. */
type Run = (io: Io) => Promise<number>

// `npx` and `npm run` pass on a Ctrl-C that the terminal has delivered already.
const sameWishMs = 100
let interruptedAt = Number.NEGATIVE_INFINITY

function interrupt(): void {
  const now = performance.now()
  if (now - interruptedAt < sameWishMs) return
  if (cancelling.signal.aborted) process.exit(exit.interrupted)
  interruptedAt = now
  cancelling.abort(new CancelledError('interrupted'))
  write(process.stderr, 'matrix: stopping and cleaning up; once more to leave at once\n')
}

// A reader such as `head` may leave early: what it does not want is dropped, and the command goes on.
const unread = new Set<NodeJS.WriteStream>()
function write(stream: NodeJS.WriteStream, text: string): void {
  if (!unread.has(stream)) stream.write(text)
}

function ioOf(cwd: string): Io {
  const { env, stdout, stderr } = process
  return {
    stdout: (text) => write(stdout, text),
    stderr: (text) => write(stderr, text),
    env,
    cwd,
    isTTY: { stdout: stdout.isTTY === true, stderr: stderr.isTTY === true },
    get columns() {
      return stdout.columns ?? 80
    },
    get rows() {
      return stdout.rows ?? 24
    },
    color: wantsColor(env, stdout.isTTY === true),
    signal: cancelling.signal,
    stdoutStream: stdout,
    stderrStream: stderr,
  }
}

function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return isTerminal && env['TERM'] !== 'dumb'
}

async function perform(run: Run): Promise<void> {
  const { project } = program.opts<{ readonly project?: string }>()
  const code = await run(ioOf(resolve(project ?? '.')))
  exitCode = cancelling.signal.aborted ? exit.interrupted : code
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('A whole number from 1 to 9999 is expected.')
  return Number(text)
}

const list = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...text.split(',').filter((part) => part !== ''),
]

const engineOption = () =>
  new Option('--engine <endpoint>', 'the engine to use, such as unix:///var/run/docker.sock or context:NAME')

const shardOption = () =>
  new Option('--shard <part>', 'one of several parts, dealt out by stack, such as 2/5').argParser((text: string) => {
    const [, index, count] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(text) ?? []).map(Number)
    if (index === undefined || count === undefined || index > count) {
      throw new InvalidArgumentError('write PART/PARTS, such as 2/5.')
    }
    return { index, count }
  })

const gateOption = () =>
  new Option('--gate <gate>', 'what ends with 1: any failure that is not waived, or only what regressed').choices([
    'unwaived',
    'regressions',
  ])

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('A port is from 0 to 65535.')
  return Number(text)
}

const program = new Command('matrix')
  .description('Builds each stack once, runs it in every environment, and says why a cell is red.')
  .option('-C, --project <dir>', "the project's folder (default: the working directory)")
  .configureOutput({
    writeOut: (text) => write(process.stdout, text),
    writeErr: (text) => write(process.stderr, text),
    outputError: (text, out) => out(text.replace(/^error: /, 'matrix: ')),
  })
  .exitOverride()
  .addHelpText('after', examples(['matrix check --stack api-endpoint', 'matrix list', 'matrix doctor']))

/** Without the members that are undefined, as `exactOptionalPropertyTypes` asks. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as never
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}

program
  .command('check')
  .description('Builds every stack once, runs that image in every environment, and fills the matrix.')
  .argument('[cells...]', 'cells as STACK@ENVIRONMENT; all where none is named')
  .option('--stack <ids>', 'only these stacks, separated by commas', list)
  .option('--env <ids>', 'only these environments, separated by commas', list)
  .addOption(shardOption())
  .option('--failed', 'only the cells that were not green in the last run')
  .option('--json', 'print the run as JSON on stdout, and nothing else there')
  .addOption(new Option('--concurrency <cells>', 'how many cells run at a time').argParser(count))
  .option('--deadline <duration>', 'stop starting cells after this long, such as 10m')
  .option('--keep-failed', 'leave the containers of cells that are not green')
  .addOption(engineOption())
  .option('--install', 'may install packages where no engine answers')
  .option('--bootstrap', 'may make a missing base image from the distribution, under its public name')
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
    perform(async (io) => (await import('./commands/check.ts')).runCheck({ ...options, cells, project: io.cwd }, io)),
  )

program
  .command('explain')
  .description('Finds the smallest set of constraints that makes a cell fail, by running it again with fewer of them.')
  .argument('<cells...>', 'cells as STACK@ENVIRONMENT')
  .option('--json', 'print the run as JSON on stdout, and nothing else there')
  .option('--try', 'run the cell with what the stack could ask for, before that is shown')
  .option('--explain-budget <duration>', 'how long it may take in all (default: 15m)')
  .addOption(engineOption())
  .option('--install', 'may install packages where no engine answers')
  .option('--bootstrap', 'may make a missing base image from the distribution, under its public name')
  .addHelpText(
    'after',
    examples(['matrix explain api-endpoint@customer-servers', 'matrix explain --try static-site@qa-server']),
  )
  .action((cells: readonly string[], options) =>
    perform(async (io) =>
      (await import('./commands/explain.ts')).runExplain({ ...options, cells, project: io.cwd }, io),
    ),
  )

program
  .command('requirements')
  .description('Finds what a stack needs of any environment, by giving it ever less.')
  .argument('<stack>', 'the stack')
  .option('--json', 'print it as JSON on stdout, and nothing else there')
  .option('--budget <duration>', 'how long it may take (default: 15m)')
  .addOption(engineOption())
  .option('--install', 'may install packages where no engine answers')
  .option('--bootstrap', 'may make a missing base image from the distribution, under its public name')
  .addHelpText('after', examples(['matrix requirements static-site', 'matrix requirements queue --budget 5m --json']))
  .action((stack: string, options) =>
    perform(async (io) =>
      (await import('./commands/requirements.ts')).runRequirements({ ...options, row: stack, project: io.cwd }, io),
    ),
  )

program
  .command('validate')
  .description('Checks the files and reports every mistake at once; starts nothing.')
  .option('--json', 'print the mistakes as JSON')
  .addHelpText('after', examples(['matrix validate', 'matrix -C ../shop validate']))
  .action((options) =>
    perform(async (io) => (await import('./commands/validate.ts')).runValidate({ ...options, project: io.cwd }, io)),
  )

program
  .command('list')
  .description('Prints the plan: cells, images, needs, exclusions; starts nothing.')
  .argument('[cells...]', 'cells as STACK@ENVIRONMENT; all where none is named')
  .option('--stack <ids>', 'only these stacks, separated by commas', list)
  .option('--env <ids>', 'only these environments, separated by commas', list)
  .addOption(shardOption())
  .option('--json', 'print the plan as JSON')
  .addHelpText('after', examples(['matrix list', 'matrix list --env customer-servers --json']))
  .action((cells: readonly string[], options) =>
    perform(async (io) => (await import('./commands/list.ts')).runList({ ...options, cells, project: io.cwd }, io)),
  )

program
  .command('report')
  .description('Renders a run again from its journal, also one that was killed; or the parts of a sharded run as one.')
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
      (await import('./commands/report.ts')).runReport(
        { ...options, ...(run === undefined ? {} : { run }), project: io.cwd },
        io,
      ),
    ),
  )

program
  .command('nightly')
  .description('The nightly job: checks everything, explains, compares with the night before, tells what changed.')
  .addOption(gateOption())
  .option('--no-explain', 'do not find out why failed cells fail; run again, alone, what newly fails')
  .option('--explain-budget <duration>', 'how long that may take in all (default: 15m)')
  .option('--deadline <duration>', 'stop starting cells after this long, such as 90m')
  .addOption(engineOption())
  .option('--install', 'may install packages where no engine answers')
  .option('--bootstrap', 'may make a missing base image from the distribution, under its public name')
  .addHelpText('after', examples(['matrix nightly', 'matrix nightly --gate regressions --deadline 90m']))
  .action((options) =>
    perform(async (io) => (await import('./commands/nightly.ts')).runNightly({ ...options, project: io.cwd }, io)),
  )

program
  .command('serve')
  .description(
    'Shows the reports on this machine only, read-only: the runs, and the progress of one that is under way.',
  )
  .addOption(new Option('--port <number>', 'the port; any that is free where 0').argParser(port).default(4040))
  .addHelpText('after', examples(['matrix serve', 'matrix serve --port 8080']))
  .action((options) =>
    perform(async (io) => (await import('./commands/serve.ts')).runServe({ ...options, project: io.cwd }, io)),
  )

program
  .command('history')
  .description('What each cell answered over the last runs; ? where its last answer cannot be believed any more.')
  .argument('[cells...]', 'cells as STACK@ENVIRONMENT; all where none is named')
  .option('--stack <ids>', 'only these stacks, separated by commas', list)
  .option('--env <ids>', 'only these environments, separated by commas', list)
  .addOption(new Option('--runs <count>', 'how many runs').argParser(count))
  .option('--json', 'print it as JSON')
  .addHelpText('after', examples(['matrix history', 'matrix history api-endpoint@qa-server --runs 100']))
  .action((cells: readonly string[], options) =>
    perform(async (io) =>
      (await import('./commands/history.ts')).runHistory({ ...options, cells, project: io.cwd }, io),
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
      (await import('./commands/diff.ts')).runDiff({ ...options, ...defined({ from, to }), project: io.cwd }, io),
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
    examples(['matrix waive api-endpoint@qa-server --reason "fixed in 2.1" --owner @ops --days 14']),
  )
  .action((cell: string, options) =>
    perform(async (io) => (await import('./commands/waive.ts')).runWaive({ ...options, cell, project: io.cwd }, io)),
  )

const env = program.command('env').description('The engine and the hosts that Matrix runs itself.')
const environmentsArgument = () =>
  new Argument('[environments...]', 'environments whose hosts are meant; all where none is named')
env
  .command('up')
  .description('Brings up the engine and the hosts that environments ask for; they stay up between runs.')
  .addArgument(environmentsArgument())
  .addOption(engineOption())
  .option('--install', 'may install packages')
  .option('--no-hosts', 'the engine alone')
  .addOption(new Option('--bases', "also make the project's base images").hideHelp())
  .action((environments: readonly string[], options) =>
    perform(async (io) => (await import('./commands/env.ts')).runEnvUp({ ...options, environments }, io)),
  )
env
  .command('down')
  .description('Stops hosts, and with none named the embedded engine too; never an engine of yours.')
  .addArgument(environmentsArgument())
  .addOption(engineOption())
  .option('--purge', 'delete their images and data too')
  .action((environments: readonly string[], options) =>
    perform(async (io) => (await import('./commands/env.ts')).runEnvDown({ ...options, environments }, io)),
  )
env
  .command('status')
  .description('Says which engine a run would use, and how the hosts and the embedded engine stand; starts nothing.')
  .addOption(engineOption())
  .option('--json', 'print it as JSON')
  .action((options) => perform(async (io) => (await import('./commands/env.ts')).runEnvStatus(options, io)))
env
  .command('diff')
  .description('Two environments property by property, the defaults of their engines written out; starts nothing.')
  .argument('<before>', 'an environment')
  .argument('<after>', 'another one')
  .option('--all', 'also what is the same in both')
  .option('--json', 'print it as JSON')
  .action((before: string, after: string, options) =>
    perform(async (io) => (await import('./commands/env-diff.ts')).runEnvDiff({ before, after }, options, io)),
  )
env.addHelpText(
  'after',
  examples([
    'matrix env up --install',
    'matrix env up customer-servers',
    'matrix env status',
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
  .action((options) => perform(async (io) => (await import('./commands/doctor.ts')).runDoctor(options, io)))

program
  .command('clean')
  .description('Removes what dead runs of this project left behind. Never touches a run that lives.')
  .option('--all', 'also images and hosts of this project, and the embedded engine with its data')
  .addOption(engineOption())
  .addHelpText('after', examples(['matrix clean', 'matrix clean --all']))
  .action((options) => perform(async (io) => (await import('./commands/clean.ts')).runClean(options, io)))

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
        ? (await import('./commands/init.ts')).runInit({ project }, io)
        : (await import('./commands/init-ci.ts')).runInitCi({ project, ci: options.ci }, io)
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
      (await import('./commands/schema.ts')).runSchema(
        { ...options, ...(name === undefined ? {} : { name }), project: io.cwd },
        io,
      ),
    ),
  )

function internalError(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write(process.stderr, `matrix: internal error\n${printable(text)}\n`)
}

async function main(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => unread.add(stream))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      internalError(error)
      process.exit(exit.internal)
    })
  }
  try {
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      exitCode = error.exitCode === 0 ? exit.ok : exit.usage
    } else if (cancelling.signal.aborted && (error === cancelling.signal.reason || error instanceof CancelledError)) {
      exitCode = exit.interrupted
    } else {
      internalError(error)
      exitCode = exit.internal
    }
  }
  // Pipes are written asynchronously; leaving before they are drained would cut the output.
  await Promise.all([process.stdout, process.stderr].map((stream) => drained(stream)))
  process.exit(exitCode)
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (unread.has(stream)) return Promise.resolve()
  return new Promise((done) => void stream.write('', () => done()))
}

await main()
