/** Ids of targets and values of labels: 1 to 253 characters, beginning with a letter or digit. */
const targetName = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}$/;

/**
 * `algorithm:encoded`, as the OCI image specification writes digests. The gate computes none, so it asks for no algorithm and no length. A plain
 * algorithm (`sha256`) is encoded in hex, which has one form only, in lower case: two ways to write one artifact would be two rollouts. With another
 * encoding (`sha256+b64u`) capitals are letters of their own.
 */
export const artifactName = /^(?:[a-z0-9]+:[a-z0-9=_-]+|[a-z0-9]+(?:[+._-][a-z0-9]+)+:[A-Za-z0-9=_-]+)$/;
export const MAX_ARTIFACT_LENGTH = 255;

/** What a request calls the things that it changes, and limits too. */
export const effectName = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;

/** What names of targets and values of labels look like, for people. */
export const NAME_FORM = '1 to 253 characters of A-Z a-z 0-9 . _ : / -, beginning with a letter or digit';

const wildcardWords: ReadonlySet<string> = new Set(['*', 'all', 'any', 'every', 'everything', 'everywhere']);

/** Whether a text can be the id of a target or the value of a label, wildcard words aside. */
export const isTargetName = (text: string): boolean => targetName.test(text);

/** Nothing, or nothing but white space: an unset variable more often than not. */
export const isBlank = (text: string): boolean => text.trim().length === 0;

// Controls (NUL, line feeds, escape sequences of terminals), halves of surrogate pairs, line and paragraph separators, and
// what turns the direction of writing: each makes a log line say something else than what it shows.
const unfit = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Whether a text stands on one line as what it is. */
export const isOneLine = (text: string): boolean => !unfit.test(text);

/** A word of visible ASCII: what stands behind `Bearer`. */
export const isKey = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

/** As a file holds one, alone: nobody's key is longer. */
export const isKeyInFile = (text: string): boolean => isKey(text) && text.length <= 4_096;

/** 1 to 255 visible ASCII characters. */
export const isIdempotencyKey = (text: string): boolean => isKey(text) && text.length <= 255;

/** So many code units of a text, or one less: half of a pair at the end would have no canonical form. */
export const beginningOf = (text: string, length: number): string =>
  text.slice(0, length).replace(/[\ud800-\udbff]$/, '');

/** White space, and what is not seen at all; nothing, too. */
export const isUnseen = (text: string): boolean =>
  /^[\s\p{Default_Ignorable_Code_Point}\p{Cf}]*$/u.test(text);

/** A word for "all of them", in any case, blanks around it or not: no id and no value of a selector may be one. */
export const isWildcard = (text: string): boolean =>
  // The longest word has ten letters; the rest is for blanks around it. What is longer is no word.
  text.length <= 64 && wildcardWords.has(text.trim().toLowerCase());

const escapeCharacter = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** A text with all that is not visible ASCII escaped: invisible characters, look-alikes, and what would steer a terminal. */
export const escapeText = (text: string): string => text.replace(/[^\x20-\x7e]/gu, escapeCharacter);

/** A text as a message may show it: in quotation marks, escaped, cut to `length` code units. */
export function quote(text: string, length = 80): string {
  const shown = text.length > length ? text.slice(0, length) : text;
  const escaped = escapeText(shown.replaceAll('\\', '\\\\').replaceAll('"', '\\"'));
  return text.length > length ? `"${escaped}…" (${text.length} characters)` : `"${escaped}"`;
}

/**
 * Edits (insert, delete, replace, swap of neighbours) from one text to another; anything above `most` where they are more. It looks only at what can
 * be within it: a name is held against as many as there are racks.
 */
function editDistance(a: string, b: string, most: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = last.map(() => most + 1);
    let least = i;
    row[0] = i;
    for (let j = Math.max(1, i - most); j <= Math.min(b.length, i + most); j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row[j] = best;
      least = Math.min(least, best);
    }
    if (least > most) return least;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The name among `known` that was probably meant: at most a third of its letters away. Undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined;
  const wanted = name.toLowerCase().trim();
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    const allowed = Math.max(1, Math.floor(candidate.length / 3));
    const most = Math.min(allowed, (best?.distance ?? Infinity) - 1);
    if (Math.abs(candidate.length - wanted.length) > most) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), most);
    if (distance <= most) best = { name: candidate, distance };
  }
  return best?.name;
}

/** `a`, `b` and `c`, at most `most` of them. */
export function listNames(names: readonly string[], most = 12): string {
  const shown = names.slice(0, most);
  const rest = names.length - shown.length;
  const last = shown.length > 1 && rest === 0 ? shown.pop() : undefined;
  const list = shown.join(', ');
  if (rest > 0) return `${list} and ${rest} more`;
  return last === undefined ? list : `${list} and ${last}`;
}

/** ` (did you mean "x"?)` when a known name is near; else which there are, if `all` may be told; else nothing. */
export function didYouMean(name: string, known: readonly string[], all: boolean): string {
  const near = nearestName(name, known);
  if (near !== undefined) return ` (did you mean ${quote(near)}?)`;
  return all && known.length > 0 ? ` (there are ${listNames(known)})` : '';
}

/** One segment of a JSON Pointer (RFC 6901). */
export const pointerSegment = (key: string | number): string =>
  `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

const LONGEST_POINTER = 400;

/** A JSON Pointer as a reason holds it, which is kept for ever: it quotes keys of the body, and they may be megabytes long. */
export const cutPointer = (pointer: string): string =>
  pointer.length > LONGEST_POINTER ? `${beginningOf(pointer, LONGEST_POINTER)}…` : pointer;
