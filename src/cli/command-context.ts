import type { Terminal } from './terminal.ts';

/** What a command needs to declare itself. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Says with which code the program ends. */
  readonly end: (code: number) => void;
}

export interface JsonOption {
  readonly json?: true;
}

export const JSON_OPTION = ['--json', 'answer as JSON'] as const;

/** Examples as the end of a command's help. */
export const examplesText = (...examples: readonly string[]): string =>
  `\nExamples:\n${examples.map(example => `  $ ${example}`).join('\n')}`;
