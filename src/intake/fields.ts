import { invalid, isText, own, unknownFields } from '../kit/fields.ts';
import type { Reason } from '../kit/refusal.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { refused, type Refused } from './refused.ts';
import type { OutcomeReport } from './ports.ts';

/** The bodies that are smaller than a request. */

export function parseReasonBody(body: JsonObject): string | Refused {
  const wrong = unknownFields(body, ['reason']);
  const reason = own(body, 'reason');
  if (!isText(reason)) return refuseBody([...wrong, needsReason]);
  return wrong.length > 0 ? refuseBody(wrong) : reason;
}

/** `{"status": "delivered" or "refused", "reason": …}`; the reason may be left out. */
export function parseReport(body: JsonObject): OutcomeReport | Refused {
  const wrong = unknownFields(body, ['status', 'reason']);
  const status = own(body, 'status');
  const reason = own(body, 'reason');
  const known = status === 'delivered' || status === 'refused';
  if (!known) wrong.push(invalid('/status', 'The status is "delivered" or "refused".'));
  if (reason !== undefined && !isText(reason)) wrong.push(needsReason);
  if (wrong.length > 0 || !known) return refuseBody(wrong);
  return { status, ...(typeof reason === 'string' && { reason }) };
}

const needsReason = invalid('/reason', 'The reason is text that is not blank and holds no NUL character.');

const refuseBody = (reasons: readonly Reason[]): Refused =>
  refused('request.invalid', reasons.map(reason => reason.message).join(' '), { reasons });
