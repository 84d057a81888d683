/**
 * Texts that stand for everything where a tool reads them as a pattern, a path or a network. A guard errs on the side of no:
 * whoever means one of them says so in the schema of the action.
 */

/** Longer texts are judged by so many of the first characters that are seen: what stands behind them changes nothing in particular. */
const LOOKED_AT = 4_096;

/** Of a list so many of the first items: behind as many that each stand for everything the rest changes nothing. */
const MOST_ITEMS = 64;

/** Not seen, or not seen as a letter of its own: white space, controls, joiners, marks on the character before, blank Braille. */
const unseen = String.raw`\s\p{Cc}\p{Cf}\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\u2800`;
const UNSEEN = new RegExp(`[${unseen}]`, 'gu');
const SEEN = new RegExp(`[^${unseen}]{1,${LOOKED_AT}}`, 'gu');

/** What compatibility normalization (NFKC) does not make equal, and an eye does. */
const LOOK_ALIKES: readonly (readonly [RegExp, string])[] = [
  [
    /[\u066d\u204e\u2042\u2051\u2055\u2217\u22c6\u2605\u2606\u2722-\u2743\u2749-\u274b\u2b50\ua673\u{1031f}]/gu,
    '*',
  ],
  [/[\u1735\u2044\u2215\u2571\u27cb\u29f8]/gu, '/'],
  [/[\u2216\u2572\u27cd\u29f5\u29f9]/gu, '\\'],
  [/[\u066a\u2052]/gu, '%'],
  [/[\u00b7\u0589\u06d4\u0701\u0702\u2027\u2219\u22c5\u3002]/gu, '.'],
  [/[\u02d0\u05c3\u2236\ua789]/gu, ':'],
  [/[\u02c6\u2303]/gu, '^'],
  [/[\u0660\u06f0]/gu, '0'],
];

/** Regular expressions that are letters to an eye: any character, and anchors. */
const REGEX_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\[\\([sdwSDW])\\([sdwSDW])\]|\[\^\]|\\S/g, '.'],
  [/\(\?[a-zA-Z]*[:)]/g, '('],
  [/\\[AzZ]/g, ''],
  [/\{0,\}/g, '*'],
  [/\{1,\}/g, '+'],
];

const replaceAll = (text: string, pairs: typeof LOOK_ALIKES): string =>
  pairs.reduce((changed, [pattern, by]) => changed.replaceAll(pattern, by), text);

/** The root of a drive is one of a path as well, also where slashes stand before it: `file:///C:/`, `\\?\C:\`. */
const DRIVE = /^[./\\?]*[A-Za-z]:(?=[./\\])/;

/** What stands behind it is a path, from its root: `s3://*`, `file:///`. */
const SCHEME = /^[A-Za-z][\w+.-]*:\/\//;

/** A variable that was not filled in is nothing to whoever fills it in with nothing: `${ROOT}/*`, `$ROOT/*`, `%ROOT%\*`, `{{root}}/*`, `${{ root }}/*`, `$(ROOT)/*`. */
const VARIABLE = /\$\{[^{}]*\}|\$\([^()]*\)|\$?\{\{[^{}]*\}\}|\$[A-Za-z_]\w*|%[A-Za-z]\w*%/g;

/** A shell takes them away: `"$ROOT"/` is `/`, where nobody filled it in. */
const QUOTES = /["'`\p{Pi}\p{Pf}]/gu;

/** Separators and dots only: `/`, `//`, `/./`, `..`, `\`. */
const ROOT = /^[./\\]+$/;

/** Marks only: `*`, `**`, `*.*`, `/*`, `.*`, `^.*$`, `%`, `"*"`, `*:*`, where a star or a percent sign is among them. In one expression the two would take quadratic time. */
const MARKS = /^[\p{P}\p{S}]+$/u;
const ALL_MARK = /[*%]/;

/** At least one of anything: `.+`, `^.+$`, `(.+)`. */
const SOMETHING = /^[\^(]*\.\+\??[)$]*$/;

/** Every address there is: a prefix of no bits, whatever stands before it. */
const NETWORK = /^\[?(?:0|\d{1,3}(?:\.\d{1,3}){1,3}|[0-9a-f.]*:[0-9a-f:.]*)\]?\/(?:0+|0\.0\.0\.0)$/i;

/** Of what is seen, whatever stands before it and between: cut first, a star behind 4,096 joiners would not be looked at. */
function beginningOf(text: string): string {
  let seen = '';
  for (const [run] of text.matchAll(SEEN)) {
    seen += run;
    if (seen.length >= LOOKED_AT) break;
  }
  return seen;
}

/** What stays of a path behind its steps back: `/srv/..` is `/`. */
function stepBack(path: string): string {
  if (!/[/\\]\.\./.test(path)) return path;
  const stays: string[] = [];
  for (const part of path.split(/[/\\]+/)) {
    if (part === '..') stays.pop();
    else if (part !== '' && part !== '.') stays.push(part);
  }
  return `/${stays.join('/')}`;
}

/** Whether a text stands for everything, in any dress: blanks around or within it, full width, and what looks like it; a list of nothing else, too. */
export const isMatchAll = (text: string): boolean => isOneMatchAll(text) || isListOfMatchAlls(text);

/** Whoever takes several takes them in one text: `0.0.0.0/0, ::/0`. */
function isListOfMatchAlls(text: string): boolean {
  const items = text.split(/[\s,;]+/, MOST_ITEMS).filter(item => !saysNothing(item));
  return items.length > 0 && items.every(isOneMatchAll);
}

function isOneMatchAll(text: string): boolean {
  const whole = replaceAll(beginningOf(text).normalize('NFKC').replaceAll(UNSEEN, ''), LOOK_ALIKES);
  const seen = stepBack(
    whole.replaceAll(VARIABLE, '').replaceAll(QUOTES, '').replace(SCHEME, '/').replace(DRIVE, ''),
  );
  const plain = replaceAll(seen, REGEX_WORDS);
  return (
    ROOT.test(seen) ||
    (ALL_MARK.test(plain) && MARKS.test(plain)) ||
    SOMETHING.test(plain) ||
    NETWORK.test(seen)
  );
}

/** Nothing that is seen, in quotation marks or without: an unset variable more often than not. */
export const saysNothing = (text: string): boolean => /^(?:""|''|``)?$/.test(text.replaceAll(UNSEEN, ''));
