import type { Command } from 'commander';

/** Commander begins each message with it. */
export const withoutPrefix = (text: string): string => text.replace(/^error: /, '');

/** Has a command, and all below it, say wrong use as the rest of the program does, and where its own use is said. */
export function pointToHelp(command: Command, path = command.name()): void {
  command
    .configureOutput({
      outputError: (text, write) => write(`interlock: ${withoutPrefix(text)}`),
    })
    .showHelpAfterError(`See: ${path} --help`);
  for (const below of command.commands) pointToHelp(below, `${path} ${below.name()}`);
}

/** Whether a command line is names of commands and a word for help, and nothing else. */
export function asksForHelpOnly(program: Command, args: readonly string[]): boolean {
  let command: Command | undefined = program;
  for (const word of args.filter(arg => arg !== '-h' && arg !== '--help'))
    command = command?.commands.find(below => below.name() === word);
  return command !== undefined;
}
