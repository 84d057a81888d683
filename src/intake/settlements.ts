import { inOrder } from '../api/order.ts';
import type { Sight } from '../audit/sight.ts';
import type { RequestView } from '../audit/views.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal, type Refusal } from '../kit/refusal.ts';
import { readIfAny, readJson } from './body.ts';
import {
  idOf,
  notAllowed,
  notFound,
  only,
  replyOf,
  replyUnlessKeyGone,
  type Exchange,
  type Handle,
  type Reply,
} from './exchange.ts';
import { parseCancellation, parseReport } from './fields.ts';
import type { OutcomesPort, ReadsPort } from './ports.ts';
import { withoutParameters } from './query.ts';
import { refused, Refused } from './refused.ts';
import { requestIdOf } from './write-reply.ts';

/** The calls that settle what was decided. */
export function settlementHandlers({
  outcomes,
  reads,
  logger,
}: {
  readonly outcomes: OutcomesPort;
  readonly reads: Pick<ReadsPort, 'one'>;
  readonly logger: Logger;
}): Record<'report' | 'cancel', Handle> {
  const tellReport = ({ res, principal }: Exchange, id: string, status: string, outcome: string): void => {
    const told = { request_id: requestIdOf(res), request: id, by: principal.name, status, outcome };
    if (status === outcome) logger.info(told, 'an outcome was reported');
    else logger.warn(told, 'an outcome was reported that contradicts the one that holds: it stays as it was');
  };

  const report: Handle = async exchange => {
    const id = idOf(exchange);
    if (id === undefined) return notFound();
    const stranger = await refuseStranger(reads, exchange, id);
    if (stranger !== undefined) return stranger;
    const body = await readJson(exchange);
    if (body instanceof Refused) return body;
    const parsed = parseReport(body);
    if (parsed instanceof Refused) return parsed;
    const result = await outcomes.report(id, exchange.principal, parsed, exchange.isStillKnown);
    if (result !== undefined && !isRefusal(result)) tellReport(exchange, id, parsed.status, result.outcome);
    return await settled(reads, exchange, id, { all: true }, result);
  };

  const cancel: Handle = async exchange => {
    const id = idOf(exchange);
    if (id === undefined) return notFound();
    const body = await readIfAny(exchange);
    if (body instanceof Refused) return body;
    const parsed = parseCancellation(body ?? {});
    if (parsed instanceof Refused) return parsed;
    const own: Sight = { all: false, own: exchange.principal.name, settles: false };
    const result = await outcomes.cancel(id, exchange.principal, parsed.reason, exchange.isStillKnown);
    const { res, principal } = exchange;
    if (result !== undefined && !isRefusal(result))
      logger.info(
        { request_id: requestIdOf(res), request: id, by: principal.name },
        'a request was cancelled',
      );
    return await settled(reads, exchange, id, own, result);
  };

  return {
    report: only(['executor', 'operator'], withoutParameters(report)),
    cancel: only(['requester'], withoutParameters(cancel)),
  };
}

/** An executor that does not name the action may not even try, whatever its body says. */
async function refuseStranger(
  reads: Pick<ReadsPort, 'one'>,
  { principal }: Exchange,
  id: string,
): Promise<Refused | undefined> {
  if (principal.roles.has('operator')) return undefined;
  const request = await reads.one(id, { all: true });
  if (request === undefined) return notFound();
  const named = request.action !== undefined && principal.actions.has(request.action);
  return named ? undefined : notAllowed(principal, 'an executor that names the action, or an operator,');
}

/** It was done, so 200 with the request as it now stands, whatever its outcome. */
async function settled(
  reads: Pick<ReadsPort, 'one'>,
  exchange: Exchange,
  id: string,
  sight: Sight,
  result: object | Refusal | undefined,
): Promise<Reply> {
  if (result !== undefined && isRefusal(result)) return replyUnlessKeyGone(exchange, result);
  const view = await reads.one(id, sight);
  if (view === undefined || result !== undefined)
    return replyOf(view === undefined ? undefined : inOrder(view));
  return refused('request.conflict', `This ${whyNoOutcome(view)}, so it has no outcome.`);
}

const whyNoOutcome = ({ mode }: Pick<RequestView, 'mode'>): string =>
  mode === 'preflight' ? 'was a pre-flight, of which nothing is carried out' : 'request was not allowed';
