/** For single quotes of a POSIX shell. */
export const inSingleQuotes = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** No shell reads anything into these; `=` and `~` mean something at the beginning of a word. */
const BARE = /^[A-Za-z0-9_./:@%+,-]+$/;

/** A text as one word of a command line, in quotation marks where a shell needs them. */
export const shellWord = (text: string): string => (BARE.test(text) ? text : inSingleQuotes(text));
