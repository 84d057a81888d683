import type { Sight } from '../audit/sight.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import { sha256 } from '../kit/digest.ts';
import type { Answer } from '../ledger/decision.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import { readJson } from './body.ts';
import {
  found,
  idOf,
  notAllowed,
  notFound,
  only,
  type Exchange,
  type Handle,
  type Reply,
} from './exchange.ts';
import { parseReport } from './fields.ts';
import { isIdempotencyKey, parsePrefer } from './headers.ts';
import type { GuardPort, OutcomesPort, ReadsPort } from './ports.ts';
import { parseQuery } from './query.ts';
import { refused, Refused } from './refused.ts';

/** The calls that decide, and those that settle what was decided. Who may decide is the guard's to say: its no is recorded. */
export function requestHandlers(ports: {
  readonly guard: GuardPort;
  readonly outcomes: OutcomesPort;
  readonly reads: ReadsPort;
}): Record<'submit' | 'preflight' | 'report' | 'cancel', Handle> {
  const { guard, outcomes, reads } = ports;

  const submit: Handle = async ({ req, res, principal, query }) => {
    // A parameter that is not known may have been meant to hold it back.
    const unknown = parseQuery(query, []);
    if (unknown instanceof Refused) return unknown;
    const idempotencyKey = req.headers['idempotency-key'];
    if (typeof idempotencyKey !== 'string' || !isIdempotencyKey(idempotencyKey)) {
      const detail =
        'The header Idempotency-Key is missing or malformed: 1 to 255 visible ASCII characters, new for each new request.';
      return refused('request.malformed', detail);
    }
    const body = await readJson(req, res);
    if (body instanceof Refused) return body;
    const { prefer } = req.headers;
    const { waitMs, applied } = parsePrefer(typeof prefer === 'string' ? prefer : undefined);
    const bodyDigest = sha256(canonicalJson(body));
    const answer = await guard.submit({ principal, body, bodyDigest, idempotencyKey }, waitMs);
    return decided(answer, applied.length > 0 ? { 'preference-applied': applied } : {});
  };

  const preflight: Handle = async ({ req, res, principal, query }) => {
    const unknown = parseQuery(query, []);
    if (unknown instanceof Refused) return unknown;
    const body = await readJson(req, res);
    if (body instanceof Refused) return body;
    const answer = await guard.preflight({ principal, body, bodyDigest: sha256(canonicalJson(body)) });
    const { document, status } = answer;
    const noVerdict = document.decision === 'fault' || document.reasons[0]?.rule === 'principal.not_allowed';
    return noVerdict ? decided(answer) : { type: 'json', status: 200, body: { ...document, status } };
  };

  /** An executor that does not name the action may not even try, whatever its body says. */
  const refuseStranger = async ({ principal }: Exchange, id: string): Promise<Refused | undefined> => {
    if (principal.roles.has('operator')) return undefined;
    const request = await reads.one(id, { all: true });
    if (request === undefined) return notFound();
    const named = request.action !== undefined && principal.actions.has(request.action);
    return named ? undefined : notAllowed(principal, 'an executor that names the action, or an operator,');
  };

  /** It was done, so 200 with the request as it now stands, whatever its outcome. */
  const settled = async (id: string, sight: Sight, result: object | Refusal | undefined): Promise<Reply> => {
    if (result !== undefined && isRefusal(result)) return { type: 'refusal', refusal: result };
    const view = await reads.one(id, sight);
    if (view === undefined || result !== undefined) return found(view);
    return refused('request.conflict', 'This request was not allowed, so it has no outcome.');
  };

  const report: Handle = async exchange => {
    const id = idOf(exchange);
    if (id === undefined) return notFound();
    const stranger = await refuseStranger(exchange, id);
    if (stranger !== undefined) return stranger;
    const body = await readJson(exchange.req, exchange.res);
    if (body instanceof Refused) return body;
    const parsed = parseReport(body);
    if (parsed instanceof Refused) return parsed;
    return await settled(id, { all: true }, await outcomes.report(id, exchange.principal, parsed));
  };

  const cancel: Handle = async exchange => {
    const id = idOf(exchange);
    if (id === undefined) return notFound();
    const own: Sight = { all: false, own: exchange.principal.name, settles: false };
    return await settled(id, own, await outcomes.cancel(id, exchange.principal));
  };

  return {
    submit,
    preflight,
    report: only(['executor', 'operator'], report),
    cancel: only(['requester'], cancel),
  };
}

const decided = (answer: Answer, headers = {}): Reply => ({ type: 'decision', answer, headers });
