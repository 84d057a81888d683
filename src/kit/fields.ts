import type { Reason } from './refusal.ts';
import type { Json, JsonObject } from './strict-json.ts';
import { cutPointer, isBlank, listNames, pointerSegment, quote } from './text.ts';

/** How the fields of small bodies are read. Each mistake carries a pointer. */

/** No text of the database can hold a NUL, and one in a `json` column makes the whole of it unreadable to SQL. */
export const isText = (value: Json | undefined): value is string =>
  typeof value === 'string' && !isBlank(value) && !value.includes('\0');

export const invalid = (pointer: string, message: string): Reason => ({
  rule: 'request.invalid',
  message,
  pointer,
});

/** Mistakes of a kind that are named one by one: a body may hold a hundred thousand, and each is a reason of the answer. */
const MOST_NAMED = 10;

/** @param at where the object stands in the body: a JSON Pointer */
export const unknownFields = (object: JsonObject, known: readonly string[], at = ''): Reason[] =>
  Object.keys(object)
    .filter(name => !known.includes(name))
    .slice(0, MOST_NAMED)
    .map(name =>
      invalid(
        cutPointer(at + pointerSegment(name)),
        `The field ${quote(name)} is not known; known here: ${listNames(known, known.length)}.`,
      ),
    );
