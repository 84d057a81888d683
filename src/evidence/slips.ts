import { declaredLabels, type Kind } from '../config/config.ts';
import { listNames, nearestName } from '../kit/text.ts';
import { askedEvidence } from '../ledger/asked-evidence.ts';
import type { Book } from '../ledger/book.ts';
import type { Limits } from '../policy/limits.ts';

/** A name that nothing answers to, and those that something does. */
export interface Slip {
  readonly says: string;
  readonly name: string;
  readonly known: readonly string[];
  /** What is said of the known ones where none is near. */
  readonly others: (known: readonly string[]) => string;
}

interface Named {
  readonly name: string;
  readonly dimension?: string;
  readonly value?: string;
}

/**
 * What of evidence nothing answers to now. It only looks: which name was meant, which takes a walk over all of them, is found out when the
 * ledger does not wait any more.
 * @param limits those in force; undefined where this gate does not know them
 * @param counted labels of which the book knows all values
 */
export const findSlips = (
  book: Pick<Book, 'hasValue' | 'valuesOf'>,
  limits: Limits | undefined,
  counted: ReadonlySet<string>,
  { name, dimension, value }: Named,
): readonly Slip[] => [
  ...(dimension === undefined || value === undefined || !counted.has(dimension)
    ? []
    : valueSlip(book, dimension, value)),
  ...(limits === undefined ? [] : nameSlip(limits, name)),
];

const valueSlip = (
  book: Pick<Book, 'hasValue' | 'valuesOf'>,
  dimension: string,
  value: string,
): readonly Slip[] =>
  book.hasValue(dimension, value)
    ? []
    : [
        {
          says: `No target of any kind has ${dimension} ${value} now`,
          name: value,
          known: book.valuesOf(dimension),
          others: thereAre,
        },
      ];

function nameSlip(limits: Limits, name: string): readonly Slip[] {
  const known = askedEvidence(limits);
  const says = `No limit asks for evidence of the name ${name}`;
  return known.includes(name) ? [] : [{ says, name, known, others: theyAskFor }];
}

const thereAre = (known: readonly string[]): string =>
  known.length === 0 ? '.' : `: there ${known.length === 1 ? 'is' : 'are'} ${listNames(known)}.`;

const theyAskFor = (known: readonly string[]): string =>
  known.length === 0 ? ', nor for any other.' : `: they ask for ${listNames(known)}.`;

/** In words, for whoever said it. */
export function sayTheSlip({ says, name, known, others }: Slip): string {
  const near = nearestName(name, known);
  return says + (near === undefined ? others(known) : `: did you mean ${near}?`);
}

/** Labels that are a dimension wherever they are declared: of others the book knows no values. */
export function countedLabels(kinds: Iterable<Kind>): ReadonlySet<string> {
  const all = [...kinds];
  const dimensions = all.flatMap(kind => kind.dimensions);
  return new Set(
    dimensions.filter(label =>
      all.every(kind => !declaredLabels(kind).includes(label) || kind.dimensions.includes(label)),
    ),
  );
}
