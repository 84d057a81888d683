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

/** What a command ends with, as the end of its help: the same four codes everywhere, in the words of this command. */
export const exitCodesText = ({
  done,
  refused,
  wrong = 'wrong use, a wrong key or role too',
  untold = 'could not tell',
}: {
  readonly done: string;
  /** Left out where nothing can be refused. */
  readonly refused?: string;
  readonly wrong?: string;
  readonly untold?: string;
}): string => {
  const codes = [done, refused, wrong, untold];
  const lines = codes.flatMap((says, code) => (says === undefined ? [] : [`  ${code}  ${says}`]));
  return `\n\nExit codes:\n${lines.join('\n')}`;
};
