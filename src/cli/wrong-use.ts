import type { Command } from 'commander';

/** Has a command, and all below it, say wrong use as the rest of the program does, and where its own use is said. */
export function pointToHelp(command: Command, path = command.name()): void {
  command
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'interlock: ')),
    })
    .showHelpAfterError(`See: ${path} --help`);
  for (const below of command.commands) pointToHelp(below, `${path} ${below.name()}`);
}
