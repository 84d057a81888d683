import type { Reason } from '../kit/refusal.ts';
import type { Json, JsonObject } from '../kit/strict-json.ts';
import { isBlank, pointerSegment, quote } from '../kit/text.ts';
import { refused, type Refused } from './refused.ts';
import type { OutcomeReport } from './ports.ts';

/** The bodies that are smaller than a request. Each mistake carries a pointer. */

export function parseReasonBody(body: JsonObject): string | Refused {
  const wrong = unknownFields(body, ['reason']);
  const reason = own(body, 'reason');
  if (!isReason(reason)) return invalid([...wrong, needsReason]);
  return wrong.length > 0 ? invalid(wrong) : reason;
}

/** `{"status": "delivered" or "refused", "reason": …}`; the reason may be left out. */
export function parseReport(body: JsonObject): OutcomeReport | Refused {
  const wrong = unknownFields(body, ['status', 'reason']);
  const status = own(body, 'status');
  const reason = own(body, 'reason');
  const known = status === 'delivered' || status === 'refused';
  if (!known) wrong.push(at('/status', 'The status is "delivered" or "refused".'));
  if (reason !== undefined && !isReason(reason)) wrong.push(needsReason);
  if (wrong.length > 0 || !known) return invalid(wrong);
  return { status, ...(typeof reason === 'string' && { reason }) };
}

const at = (pointer: string, message: string): Reason => ({ rule: 'request.invalid', message, pointer });

/** No text of the database can hold a NUL, and one in a `json` column makes the whole of it unreadable to SQL. */
const isReason = (reason: Json | undefined): reason is string =>
  typeof reason === 'string' && !isBlank(reason) && !reason.includes('\0');

const needsReason = at('/reason', 'The reason is text that is not blank and holds no NUL character.');

const own = (body: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(body, name) ? body[name] : undefined;

const unknownFields = (body: JsonObject, known: readonly string[]): Reason[] =>
  Object.keys(body)
    .filter(name => !known.includes(name))
    .map(name =>
      at(pointerSegment(name), `The field ${quote(name)} is not known here: ${known.join(', ')} are.`),
    );

const invalid = (reasons: readonly Reason[]): Refused =>
  refused('request.invalid', reasons.map(reason => reason.message).join(' '), { reasons });
