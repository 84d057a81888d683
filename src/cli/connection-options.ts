import type { Command } from 'commander';
import { GATE_OPTIONS } from './gate-connection.ts';

/** The options with which a command finds its gate, and its key. */
export function withConnection(command: Command): Command {
  for (const [flags, says] of GATE_OPTIONS) command.option(flags, says);
  return command;
}

/** `--json` as the commands take it. */
export const flagged = <Options extends { readonly json?: true }>(options: Options) => ({
  ...options,
  json: options.json === true,
});
