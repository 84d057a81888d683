import { own } from '../kit/own.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { isOneLine, isUnseen, quote } from '../kit/text.ts';
import { describe, Findings } from './findings.ts';

/** Characters (UTF-16 code units) of each text; all are kept for ever, and shown to people. */
const texts = {
  reason: { required: true, maxLength: 4_000 },
  ticket: { required: false, maxLength: 200 },
  on_behalf_of: { required: false, maxLength: 200 },
} as const;

/** A text for people to read: the text if it is right, undefined if it is absent, or wrong and noted. */
function checkText(found: Findings, body: JsonObject, field: keyof typeof texts): string | undefined {
  const { required, maxLength } = texts[field];
  const value = own(body, field);
  if (value === undefined && !required) return undefined;
  const remedy = `a text of 1 to ${maxLength} characters on one line${required ? '' : ', or no such field'}`;
  const note = (message: string): undefined => {
    found.note(field, () => ({ rule: 'request.invalid', message, remedy, pointer: `/${field}` }));
  };
  if (typeof value !== 'string') return note(`${quote(field)} is ${describe(value)}, and must be a text.`);
  if (value.length > maxLength) return note(`${quote(field)} has ${value.length} characters.`);
  if (isUnseen(value)) return note(`${quote(field)} is blank: ${quote(value)}.`);
  if (!isOneLine(value))
    return note(`${quote(field)} holds characters that cannot be shown on a line: ${quote(value)}.`);
  return value;
}

/** What a body says for people to read. */
export interface Said {
  readonly reason?: string;
  readonly ticket?: string;
  readonly onBehalfOf?: string;
}

/** What of it is well-formed, whatever else is wrong: whoever reads a refusal later wants to know what it was for. */
export const readSaid = (body: JsonObject): Said => checkSaid(new Findings(), body);

/** What of it is right; the rest is noted. */
export function checkSaid(found: Findings, body: JsonObject): Said {
  const reason = checkText(found, body, 'reason');
  const ticket = checkText(found, body, 'ticket');
  const onBehalfOf = checkText(found, body, 'on_behalf_of');
  return {
    ...(reason !== undefined && { reason }),
    ...(ticket !== undefined && { ticket }),
    ...(onBehalfOf !== undefined && { onBehalfOf }),
  };
}
