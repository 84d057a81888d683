/** What the gate says of HTTP, for that is how it is asked, as who types commands says it. */
const words: readonly (readonly [RegExp, string])[] = [
  [/`?PUT \/v1\/inventory\/([A-Za-z0-9_.-]+)`?/g, 'interlock inventory load $1 FILE'],
  [/`?\?force=([a-z,]+)&reason=…`?/g, '--force $1 --reason "…"'],
  [/\{\} stops everything/g, 'without --action and --dimension everything stops'],
  [/, or \{\} for everything/g, '; or neither --action nor --dimension, for everything'],
];

export const inCommandWords = (text: string): string =>
  words.reduce((said, [http, command]) => said.replace(http, command), text);
