import type { Command } from 'commander';

/** The options with which a command finds its gate, and its key. */
export const withConnection = (command: Command): Command =>
  command
    .option('--url <url>', 'the gate (default: INTERLOCK_URL)')
    .option('--key-file <file>', 'a file that holds the key (default: INTERLOCK_KEY)')
    .option('--json', 'answer as JSON');

/** `--json` as the commands take it. */
export const flagged = <Options extends { readonly json?: true }>(options: Options) => ({
  ...options,
  json: options.json === true,
});
