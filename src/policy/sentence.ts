import { own } from '../kit/own.ts';
import { listNames } from '../kit/text.ts';
import { showCount, writeDuration, writeShare } from '../kit/units.ts';

/** What a sentence may speak of: the reason's own fields, and what its check put under `with`. */
export type Speech = Readonly<Record<string, string | number | readonly string[]>>;

/** A sentence with gaps, checked when it was read. */
export interface Sentence {
  /** @throws Error when a gap cannot be filled: then the policy's answer is not one. */
  say(speech: Speech): string;
}

type Piece = string | { readonly name: string; readonly format: string | undefined };

/** What is counted. `{n|targets}` is `1 target`, `2 targets`. */
const units: ReadonlySet<string> = new Set(['targets', 'values', 'requests', 'operations']);

const shapes: Readonly<Record<string, (value: number) => string>> = {
  percent: writeShare,
  duration: writeDuration,
  time: unixMs => new Date(unixMs).toISOString(),
};

/**
 * `{name}` or `{name|format}`. Of a number the format is `percent` (of parts per million), `duration` (of seconds), `time` (of
 * Unix milliseconds) or a unit;
 * of a list it is `or`.
 */
const gap = /\{([a-z_]+)(?:\|([a-z]+))?\}/g;

/**
 * Reads a template.
 * @throws Error naming the format or brace that is not understood
 */
export function readSentence(template: string): Sentence {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of template.matchAll(gap)) {
    const [whole, name = '', format] = match;
    if (format !== undefined && format !== 'or' && !units.has(format) && !Object.hasOwn(shapes, format))
      throw new Error(`the format ${format} in ${JSON.stringify(template)} is not known`);
    pieces.push(template.slice(end, match.index), { name, format });
    end = match.index + whole.length;
  }
  pieces.push(template.slice(end));
  if (pieces.some(piece => typeof piece === 'string' && /[{}]/.test(piece)))
    throw new Error(`there is a brace without its fellow in ${JSON.stringify(template)}`);
  return {
    say: speech => {
      const text = pieces.map(piece =>
        typeof piece === 'string' ? piece : fill(piece.name, piece.format, speech),
      );
      return text.join('');
    },
  };
}

/** A template for people to read: each gap is its name in backticks; that of a scope, which may be empty, is left out. */
export const showGaps = (template: string): string =>
  template.replaceAll(gap, (_, name: string, format: string | undefined) => {
    if (scopes.has(name)) return '';
    const after = format === undefined || format === 'or' || format === 'duration' ? '' : ` ${format}`;
    return `\`${name}\`${after}`;
  });

const scopes = new Set(Object.keys(scopeSpeech(undefined, undefined)));

function fill(name: string, format: string | undefined, speech: Speech): string {
  const value = own(speech, name);
  if (value === undefined) throw new Error(`nothing is known of {${name}}`);
  if (format === undefined) return showPlain(value);
  if (format === 'or' && Array.isArray(value)) return listNames(value).replace(/ and (?!.* and )/, ' or ');
  if (typeof value !== 'number') throw new Error(`{${name}|${format}} needs a number`);
  const shape = own(shapes, format);
  if (shape !== undefined) return shape(value);
  return `${showCount(value)} ${value === 1 ? format.slice(0, -1) : format}`;
}

function showPlain(value: string | number | readonly string[]): string {
  if (typeof value === 'number') return showCount(value);
  return typeof value === 'string' ? value : listNames(value);
}

/** What every sentence may say of a scope, made from the reason's dimension and value: ` with rack r12`, ` of kind host`, ` by decom-bot`. */
export function scopeSpeech(dimension: string | undefined, value: string | undefined): Speech {
  if (dimension === undefined || value === undefined) return { of: '', which: '', by: '' };
  if (dimension === 'fleet') return { of: ` of kind ${value}`, which: '', by: '' };
  if (dimension === 'principal') return { of: ` by ${value}`, which: '', by: ` by ${value}` };
  return { of: ` with ${dimension} ${value}`, which: ` with ${dimension} ${value}`, by: '' };
}
