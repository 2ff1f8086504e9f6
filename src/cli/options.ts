/** What the groups of commands share: options that several take, the values in them, and how a command is run. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Io } from '../commands/io.ts'

/** Runs one command and keeps the exit code that it answers; the command's module is loaded only then, so that `--help` stays quick. */
export type Perform = (run: (io: Io) => Promise<number>) => Promise<void>

export const engineOption = () =>
  new Option('--engine <endpoint>', 'the engine to use, such as unix:///var/run/docker.sock or context:NAME')

/** Which cells are meant. */
export const addSelection = (command: Command): Command =>
  command
    .argument('[cells...]', 'cells as STACK@ENVIRONMENT; all where none is named')
    .option('--stack <ids>', 'only these stacks, separated by commas', list)
    .option('--env <ids>', 'only these environments, separated by commas', list)

/** What every command takes that runs cells. */
export const addRunOptions = (command: Command): Command =>
  command
    .addOption(engineOption())
    .option('--install', 'may install packages where no engine answers')
    .option('--bootstrap', 'may make a missing base image from the distribution, under its public name')

export const shardOption = () =>
  new Option('--shard <part>', 'one of several parts, dealt out by stack, such as 2/5').argParser((text: string) => {
    const [, index, count] = (/^([1-9]\d*)\/([1-9]\d*)$/.exec(text) ?? []).map(Number)
    if (index === undefined || count === undefined || index > count) {
      throw new InvalidArgumentError('write PART/PARTS, such as 2/5.')
    }
    return { index, count }
  })

export const gateOption = () =>
  new Option('--gate <gate>', 'what ends with 1: any failure that is not waived, or only what regressed').choices([
    'unwaived',
    'regressions',
  ])

/** A whole number from 1 to 9999. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('A whole number from 1 to 9999 is expected.')
  return Number(text)
}

/** A port; 0 stands for any that is free. */
export function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('A port is from 0 to 65535.')
  return Number(text)
}

/** Ids separated by commas; an option given several times adds up. None is a mistake, as of a variable that is not set: it would select everything. */
function list(text: string, before: readonly string[] | undefined): readonly string[] {
  const ids = text.split(',').filter((part) => part !== '')
  if (ids.length === 0) throw new InvalidArgumentError('At least one id is expected.')
  return [...(before ?? []), ...ids]
}

/** What `--help` ends with. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}
