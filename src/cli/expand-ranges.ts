import { UsageError } from '../config/environment.ts';
import { MAX_TARGETS } from '../kit/most-targets.ts';
import { quote } from '../kit/text.ts';

/** A part of a name: a text as it is, or the numbers that stand there in turn, padded as written. */
type Part = string | readonly Span[];

interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly width: number;
}

/**
 * Host ranges as ClusterShell writes them: `web[01-20,25]`, `r[1-3]n[01-04]`, `db[0-10/2]`, several with commas between them.
 * A text without brackets is given back as it is: whether it is a target is the gate's to say. Nothing is repaired: what stands
 * twice is given twice, and the gate refuses it.
 * @throws UsageError for brackets that do not parse, and for more than 200,000 ids
 */
export function expandRanges(text: string): string[] {
  if (!/[[\],]/.test(text)) return [text];
  const names = splitOutside(text).map(name => parseName(name, text));
  const count = names.reduce(
    (sum, parts) => sum + parts.reduce((product, part) => product * sizeOf(part), 1),
    0,
  );
  if (count > MAX_TARGETS)
    throw new UsageError(
      `${quote(text)} stands for ${count.toLocaleString('en')} targets; one request may name ${MAX_TARGETS.toLocaleString('en')}`,
    );
  return names.flatMap(parts => parts.reduce<string[]>(appendPart, ['']));
}

const wrong = (text: string, why: string): UsageError =>
  new UsageError(
    `the range ${quote(text)} does not parse: ${why}. Ranges look like web[01-20,25] or r[1-3]n[01-04]`,
  );

/** At the commas that stand outside of brackets. */
function splitOutside(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  let name = '';
  for (const character of text) {
    if (character === '[') depth += 1;
    if (character === ']') depth -= 1;
    if (depth < 0) throw wrong(text, 'a bracket is closed that was not opened');
    if (depth > 1) throw wrong(text, 'a bracket stands within brackets');
    if (character === ',' && depth === 0) {
      names.push(name);
      name = '';
    } else name += character;
  }
  if (depth > 0) throw wrong(text, 'a bracket is not closed');
  names.push(name);
  if (names.some(one => one.trim().length === 0)) throw wrong(text, 'there is nothing beside a comma');
  return names;
}

function parseName(name: string, text: string): Part[] {
  return name
    .split(/(\[[^\]]*\])/)
    .filter(part => part.length > 0)
    .map(part =>
      part.startsWith('[')
        ? part
            .slice(1, -1)
            .split(',')
            .map(span => parseSpan(span, text))
        : part,
    );
}

function parseSpan(span: string, text: string): Span {
  if (span.length === 0) throw wrong(text, 'there is nothing between brackets or commas');
  const match = /^([0-9]{1,15})(?:-([0-9]{1,15})(?:\/([0-9]{1,15}))?)?$/.exec(span);
  const [, low, high = low, step = '1'] = match ?? [];
  if (low === undefined || high === undefined)
    throw wrong(text, `${quote(span)} is no number and no range of numbers`);
  const [from, to, by] = [Number(low), Number(high), Number(step)];
  if (from > to) throw wrong(text, `${quote(span)} runs backwards`);
  if (by === 0) throw wrong(text, `the step of ${quote(span)} is 0`);
  // With zeros in front every number is as wide as written; where both ends say another width, nobody knows which was meant.
  const isPadded = [low, high].some(end => end.length > 1 && end.startsWith('0'));
  if (isPadded && low.length !== high.length)
    throw wrong(text, `the ends of ${quote(span)} are padded differently`);
  return { from, to, step: by, width: isPadded ? low.length : 0 };
}

const sizeOf = (part: Part): number =>
  typeof part === 'string'
    ? 1
    : part.reduce((sum, { from, to, step }) => sum + Math.floor((to - from) / step) + 1, 0);

function appendPart(heads: string[], part: Part): string[] {
  if (typeof part === 'string') return heads.map(head => head + part);
  const numbers = part.flatMap(({ from, to, step, width }) =>
    Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) =>
      String(from + index * step).padStart(width, '0'),
    ),
  );
  return heads.flatMap(head => numbers.map(number => head + number));
}
