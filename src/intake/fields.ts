import type { z } from 'zod';
import { cancellation, evidence, reasonBody, report } from '../api/asks.ts';
import type { EvidenceRequest } from '../evidence/evidence.ts';
import { invalid, unknownFields } from '../kit/fields.ts';
import type { Reason } from '../kit/refusal.ts';
import type { JsonObject } from '../kit/strict-json.ts';
import { pointerSegment } from '../kit/text.ts';
import { refused, Refused } from './refused.ts';
import type { OutcomeReport } from './ports.ts';

/** The bodies that are smaller than a request, read with the very schemas that the API document shows. */

export function parseReasonBody(body: JsonObject): string | Refused {
  const parsed = readBody(reasonBody, body);
  return parsed instanceof Refused ? parsed : parsed.reason;
}

/** `{"status": "delivered" or "refused", "reason": …}`; the reason may be left out. */
export function parseReport(body: JsonObject): OutcomeReport | Refused {
  const parsed = readBody(report, body);
  if (parsed instanceof Refused) return parsed;
  const { status, reason } = parsed;
  return { status, ...(reason !== undefined && { reason }) };
}

/** `{"reason": …}`, which may be left out, as may the body. */
export const parseCancellation = (body: JsonObject): { readonly reason?: string | undefined } | Refused =>
  readBody(cancellation, body);

/** What an observer says: dimension and value together or not at all. */
export function parseEvidence(body: JsonObject): EvidenceRequest | Refused {
  const parsed = readBody(evidence, body);
  if (parsed instanceof Refused) return parsed;
  const { artifact, name, status, dimension, value } = parsed;
  const of = dimension !== undefined && value !== undefined && { dimension, value };
  return { artifact, name, status, ...of };
}

/** The body as the schema has it; or every mistake in it, unknown fields first, each with its pointer. */
function readBody<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  body: JsonObject,
): z.output<z.ZodObject<Shape>> | Refused {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues
    .filter(({ code }) => code !== 'unrecognized_keys')
    .map(({ path, message }) => invalid(path.map(part => pointerSegment(String(part))).join(''), message));
  return refuseBody([...unknownFields(body, Object.keys(schema.shape)), ...wrong]);
}

const refuseBody = (reasons: readonly Reason[]): Refused =>
  refused('request.invalid', reasons.map(reason => reason.message).join(' '), { reasons });
