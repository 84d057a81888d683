import { columnsOf } from './columns.ts';

/** Between words. */
const WORDS = / /;
/** Where a list goes on: a number stays on the line of its name. */
export const ITEMS = /(?<=,) | (?=or )/;

/**
 * A printable text in lines of at most `room` columns. What is longer than a line and has no place to break, as an id or a digest,
 * stays whole: it is there to be copied.
 * @param room undefined where nobody looks on: then it is one line
 */
export function wrap(text: string, room: number | undefined, at: RegExp = WORDS): string[] {
  if (room === undefined) return [text];
  const lines: string[] = [];
  for (const part of text.split(at)) {
    const line = lines.at(-1);
    if (line !== undefined && columnsOf(line) + 1 + columnsOf(part) <= room)
      lines[lines.length - 1] = `${line} ${part}`;
    else lines.push(part);
  }
  return lines;
}

/** A text behind a heading of its own: what does not fit goes on below, further in. */
export function wrapBehind(heading: string, text: string, width: number | undefined): string[] {
  const indent = columnsOf(heading);
  const room = width === undefined ? undefined : Math.max(NARROWEST, width - indent);
  return wrap(text, room).map((line, at) => (at === 0 ? heading : ' '.repeat(indent)) + line);
}

/** Narrower than this nothing is worth a line of its own. */
export const NARROWEST = 16;
