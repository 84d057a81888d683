const escapeUnits = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');

/**
 * A text that somebody else wrote, on one line, without what steers a terminal, hides, or turns the direction of writing:
 * those are shown as escapes.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, escapeUnits);

/** As `printable`, of a text that may have several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

/** Passes a text of many lines on, piece by piece, to a terminal. */
export function writePrintable(
  write: (bytes: Uint8Array) => Promise<void>,
): (bytes: Uint8Array) => Promise<void> {
  // A piece may end in the middle of a character.
  const decoder = new TextDecoder();
  return async bytes => {
    await write(Buffer.from(printableLines(decoder.decode(bytes, { stream: true }))));
  };
}

/**
 * A value as JSON on one line. What JSON does not escape and a terminal obeys (the control characters above ASCII, and what hides)
 * is escaped too; whoever parses it reads the same.
 */
export const jsonLine = (value: unknown): string => printable(JSON.stringify(value));
