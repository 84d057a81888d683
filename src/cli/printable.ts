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

/**
 * A value as JSON on one line. What JSON does not escape and a terminal obeys (the control characters above ASCII, and what hides)
 * is escaped too; whoever parses it reads the same.
 */
export const jsonLine = (value: unknown): string => printable(JSON.stringify(value));
