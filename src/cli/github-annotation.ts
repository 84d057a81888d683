import { printable } from './printable.ts';

/** An error that GitHub Actions shows at the job. Escaped as its runner reads it back: `%`, line ends, and in a property `:` and `,`. */
export const annotation = (title: string, message: string): string =>
  `::error title=${escapeProperty(title)}::${escapeData(message)}`;

const escapeData = (text: string): string =>
  printable(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
