import type { Reason } from '../kit/refusal.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { cutPointer, didYouMean, listNames, pointerSegment, quote } from '../kit/text.ts';

/** Unknown fields that are named one by one; further ones are counted. */
const MAX_UNKNOWN_FIELDS = 10;

/**
 * What is wrong with a body. A list of a million bad ids gives one reason, not a million: things are noted by kind, the
 * first of a kind is told, and the others are counted.
 */
export class Findings {
  readonly #kinds = new Map<string, { readonly reason: Reason; count: number }>();

  /** `make` is called for the first of a kind only. */
  note(kind: string, make: () => Reason): void {
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { reason: make(), count: 1 });
    else known.count += 1;
  }

  noteUnknownFields(object: JsonObject, known: readonly string[], pointer: string): void {
    const unknown = Object.keys(object).filter(key => !known.includes(key));
    for (const [index, key] of unknown.entries()) {
      const kind =
        index < MAX_UNKNOWN_FIELDS ? `field ${pointer}${pointerSegment(key)}` : `fields ${pointer}`;
      this.note(kind, () => ({
        rule: 'request.invalid',
        message: `There is no field ${quote(key)} here${didYouMean(key, known, false)}.`,
        remedy: `only ${listNames(known)}`,
        pointer: cutPointer(`${pointer}${pointerSegment(key)}`),
      }));
    }
  }

  reasons(): Reason[] {
    return [...this.#kinds.values()].map(({ reason, count }) =>
      count === 1 ? reason : { ...reason, message: `${reason.message} There are ${count - 1} more of this.` },
    );
  }
}

/** A value as a message names it: its type, or the text itself, escaped and cut. */
export function describe(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return quote(value);
  if (isJsonList(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isJsonObject(value)) return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  return typeof value === 'number' ? `the number ${value}` : String(value);
}
