import { crashPoint } from '#crash-point';
import { inOrder } from '../api/order.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import { sha256 } from '../kit/digest.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import { isIdempotencyKey } from '../kit/text.ts';
import type { Answer, Asked } from '../ledger/decision.ts';
import type { OnLeft } from '../outcome/waiters.ts';
import { keyGone, onLeft, readJson } from './body.ts';
import type { Exchange, Handle, Reply } from './exchange.ts';
import { parsePrefer, type Waiting } from './headers.ts';
import type { GuardPort } from './ports.ts';
import { withoutParameters } from './query.ts';
import { rateLimitHeaders } from './rate-limit.ts';
import { refused, Refused } from './refused.ts';
import { tellDecision } from './tell-decision.ts';

/** The calls that decide. Who may ask is the guard's to say: its no is recorded. */
export function requestHandlers({
  guard,
  logger,
  monotonicMs,
}: {
  readonly guard: GuardPort;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
}): Record<'submit' | 'preflight', Handle> {
  const told = async (
    exchange: Exchange,
    ask: () => Promise<Answer | Refusal>,
  ): Promise<Answer | Refused> => {
    const arrivedMs = monotonicMs();
    const answer = await ask();
    if (isRefusal(answer)) return keyGone();
    tellDecision(logger, exchange, answer, monotonicMs() - arrivedMs);
    return answer;
  };

  const submit: Handle = async exchange => {
    const idempotencyKey = exchange.req.headers['idempotency-key'];
    if (typeof idempotencyKey !== 'string' || !isIdempotencyKey(idempotencyKey)) {
      const detail =
        'The header Idempotency-Key is missing or malformed: 1 to 255 visible ASCII characters, new for each new request.';
      return refused('request.malformed', detail);
    }
    const asked = await readAsked(exchange);
    if (asked instanceof Refused) return asked;
    crashPoint('intake.read');
    const waiting = waitingOf(exchange);
    const answer = await told(
      exchange,
      async () => await guard.submit({ ...asked, idempotencyKey }, waiting, exchange.isStillKnown),
    );
    if (answer instanceof Refused) return answer;
    const { applied } = waiting;
    return decided(answer, applied.length > 0 ? { 'preference-applied': applied } : {});
  };

  const preflight: Handle = async exchange => {
    const asked = await readAsked(exchange);
    if (asked instanceof Refused) return asked;
    const answer = await told(exchange, async () => await guard.preflight(asked, exchange.isStillKnown));
    if (answer instanceof Refused) return answer;
    const { document, status } = answer;
    const noVerdict = document.decision === 'fault' || document.reasons[0]?.rule === 'principal.not_allowed';
    return noVerdict
      ? decided(answer)
      : {
          type: 'json',
          status: 200,
          body: inOrder({ ...document, status }),
          headers: rateLimitHeaders(answer),
        };
  };

  return { submit: withoutParameters(submit), preflight: withoutParameters(preflight) };
}

function waitingOf({ req }: Exchange): Waiting & { readonly onLeft: OnLeft } {
  const { prefer } = req.headers;
  const waiting = parsePrefer(typeof prefer === 'string' ? prefer : undefined);
  return { ...waiting, onLeft: call => onLeft(req, call) };
}

async function readAsked(exchange: Exchange): Promise<Asked | Refused> {
  const body = await readJson(exchange);
  if (body instanceof Refused) return body;
  return { principal: exchange.principal, body, bodyDigest: sha256(canonicalJson(body)) };
}

const decided = (answer: Answer, headers = {}): Reply => ({ type: 'decision', answer, headers });
