import { own } from '../kit/fields.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { quote } from '../kit/text.ts';
import { describe, type Findings } from './findings.ts';

/** Characters (UTF-16 code units) of each text; all are kept for ever, and shown to people. */
const texts = {
  reason: { required: true, maxLength: 4_000 },
  ticket: { required: false, maxLength: 200 },
  on_behalf_of: { required: false, maxLength: 200 },
} as const;

// Controls (NUL, line feeds, escape sequences of terminals), halves of surrogate pairs, line and paragraph separators, and
// what turns the direction of writing: each makes a log line say something else than what it shows.
const unfit = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

// White space, and what is not seen at all.
const nothingVisible = /^[\s\p{Default_Ignorable_Code_Point}\p{Cf}]*$/u;

/** A text for people to read: the text if it is right, undefined if it is absent, or wrong and noted. */
export function checkText(found: Findings, body: JsonObject, field: keyof typeof texts): string | undefined {
  const { required, maxLength } = texts[field];
  const value = own(body, field);
  if (value === undefined && !required) return undefined;
  const remedy = `a text of 1 to ${maxLength} characters on one line${required ? '' : ', or no such field'}`;
  const note = (message: string): undefined => {
    found.note(field, () => ({ rule: 'request.invalid', message, remedy, pointer: `/${field}` }));
  };
  if (typeof value !== 'string') return note(`${quote(field)} is ${describe(value)}, and must be a text.`);
  if (value.length > maxLength) return note(`${quote(field)} has ${value.length} characters.`);
  if (nothingVisible.test(value)) return note(`${quote(field)} is blank: ${quote(value)}.`);
  if (unfit.test(value))
    return note(`${quote(field)} holds characters that cannot be shown on a line: ${quote(value)}.`);
  return value;
}
