import type { Command } from 'commander';
import { NOTHING_ENGAGED } from '../kit/nothing-engaged.ts';

/** Commander begins each message with it. */
export const withoutPrefix = (text: string): string => text.replace(/^error: /, '');

/** Has a command, and all below it, say wrong use as the rest of the program does, and where its own use is said. */
export function pointToHelp(command: Command, path = command.name()): void {
  command
    .configureOutput({
      outputError: (text, write) => write(`interlock: ${withoutPrefix(text)}`),
    })
    .showHelpAfterError(`${whatBecame(path)}See: ${path} --help`);
  for (const below of command.commands) pointToHelp(below, `${path} ${below.name()}`);
}

/** Who is in a hurry to stop must not take a mistyped stop for one. */
const whatBecame = (path: string): string => (path === 'interlock kill engage' ? `${NOTHING_ENGAGED} ` : '');

/** Whether a command line is names of commands and a word for help, and nothing else. */
export function asksForHelpOnly(program: Command, args: readonly string[]): boolean {
  let command: Command | undefined = program;
  for (const word of args.filter(arg => arg !== '-h' && arg !== '--help'))
    command = command?.commands.find(below => below.name() === word);
  return command !== undefined;
}
