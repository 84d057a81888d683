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
