import { nextCommandOf, type NextCommand } from './next-command.ts';

/** What the gate says of HTTP, for that is how it is asked, as who types commands says it. */
const words: readonly (readonly [RegExp, string])[] = [
  [/`?\?force=([a-z,]+)&reason=…`?/g, '--force $1 --reason "…"'],
  [/\{\} stops everything/g, 'without --action and --dimension everything stops'],
  [/, or \{\} for everything/g, '; or neither --action nor --dimension, for everything'],
  // What looks like a number was read as one.
  [/^must be string$/, `must be string: --param 'NAME="…"' is text, whatever it looks like`],
];

const LOAD = /`?PUT \/v1\/inventory\/([A-Za-z0-9_.-]+)`?/g;

/** @param next for the same gate, where the options that name it are at hand */
export const inCommandWords = (text: string, next: NextCommand = nextCommandOf({})): string =>
  words.reduce(
    (said, [http, command]) => said.replace(http, command),
    text.replace(LOAD, (_, kind: string) => next(`inventory load ${kind} FILE`, 'another')),
  );
