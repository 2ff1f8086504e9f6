/** `help [command…]`, which the argument parser has of itself too, and there takes a wrong name for none. */
import type { Command } from 'commander'

/** To be called last, for every command that has commands below it. */
export function addHelp(command: Command): void {
  for (const below of command.commands) if (below.commands.length > 0) addHelp(below)
  command.helpCommand(false)
  command
    .command('help')
    .description('Says how a command is used.')
    .argument('[command...]', 'which; all of them where none is named')
    .action((words: readonly string[]) => tell(command, words))
}

async function tell(from: Command, words: readonly string[]): Promise<void> {
  let told = from
  for (const word of words) {
    const next = told.commands.find((one) => one.name() === word)
    if (next === undefined) {
      if (told.commands.length === 0) told.error(`error: ${told.name()} has no command '${word}' below it`)
      // Refused in the words, and with the suggestion, of one that somebody meant to run.
      await told.parseAsync([word], { from: 'user' })
      return
    }
    told = next
  }
  told.outputHelp()
}
