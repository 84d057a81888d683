import { printable } from './printable.ts';

/** An error that GitHub Actions shows at the job. Escaped as its runner reads it back: `%`, line ends, and in a property `:` and `,`. */
export const annotation = (title: string, message: string): string =>
  `::error title=${escapeProperty(title)}::${escapeData(message)}`;

/**
 * A text of which the runner takes no line for a command: it reads `::` at the beginning of one, behind blanks, and `##[`, as it was written once,
 * anywhere. Whoever reads it as JSON reads the same.
 */
export const withoutCommands = (text: string): string =>
  text.replaceAll(/^([\s\u0085]*):(?=:)/gm, '$1\\u003a').replaceAll('##[', '#\\u0023[');

const escapeData = (text: string): string =>
  printable(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
