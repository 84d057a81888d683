import { nearestName } from '../kit/text.ts';

/** Characters that are taken for each other, each with the one that stands for all of them. */
const lookAlikes: Readonly<Record<string, string>> = { o: '0', l: '1', i: '1', _: '-' };

/** Equal for ids that differ only in case or in characters that look alike. */
const folded = (id: string): string => id.toLowerCase().replaceAll(/[oli_]/g, one => lookAlikes[one] ?? one);

/** The numbers in an id, zeros in front apart. Another number is another machine: whoever meant it must look. */
const numbersOf = (id: string): string =>
  (folded(id).match(/[0-9]+/g) ?? []).map(digits => digits.replace(/^0+(?=.)/, '')).join(' ');

/** How an id might also be spelled, and which of the ids that are there was probably meant. */
export function meantBy(id: string): {
  readonly spellings: readonly string[];
  readonly choose: (there: readonly string[]) => string | undefined;
} {
  const lower = id.toLowerCase();
  const [shortName = id] = lower.split('.');
  const spellings = new Set([
    lower,
    id.toUpperCase(),
    lower.slice(0, 1).toUpperCase() + lower.slice(1),
    shortName,
    lower.replaceAll('_', '-'),
    lower.replaceAll('-', '_'),
    lower.replaceAll(/(?<=\d)o+|o+(?=\d)/g, many => '0'.repeat(many.length)),
    lower.replaceAll(/(?<=\d)[li]+|[li]+(?=\d)/g, many => '1'.repeat(many.length)),
  ]);
  spellings.delete(id);
  return {
    spellings: [...spellings],
    choose: there =>
      there.find(other => folded(other) === folded(id)) ??
      there.find(other => other === shortName || other.startsWith(`${lower}.`)) ??
      nearestName(
        id,
        there.filter(other => numbersOf(other) === numbersOf(id)),
      ),
  };
}
