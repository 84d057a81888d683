import type { Logger } from '../kit/logger.ts';
import { isRefusal } from '../kit/refusal.ts';
import { readJson } from './body.ts';
import { notAllowed, only, replyUnlessKeyGone, type Handle } from './exchange.ts';
import { parseEvidence } from './fields.ts';
import { openListing, reply } from './listing.ts';
import type { EvidencePort, ReadsPort } from './ports.ts';
import { withoutParameters } from './query.ts';
import { Refused } from './refused.ts';
import { requestIdOf } from './write-reply.ts';

/** What observers say of an artifact, and what auditors read of it. */
export function evidenceHandlers({
  evidence,
  reads,
  logger,
}: {
  readonly evidence: EvidencePort;
  readonly reads: Pick<ReadsPort, 'evidence'>;
  readonly logger: Logger;
}): Record<'post' | 'list', Handle> {
  const post: Handle = async exchange => {
    const body = await readJson(exchange);
    if (body instanceof Refused) return body;
    const parsed = parseEvidence(body);
    if (parsed instanceof Refused) return parsed;
    const recorded = await evidence.post(parsed, exchange.principal, exchange.isStillKnown);
    if (!isRefusal(recorded))
      logger.info({ request_id: requestIdOf(exchange.res), ...recorded }, 'evidence was recorded');
    return replyUnlessKeyGone(exchange, recorded, 201);
  };

  /** Auditors read all of it, an observer what it said itself. */
  const list: Handle = async exchange => {
    const { principal } = exchange;
    const readsAll = principal.roles.has('auditor');
    if (!readsAll && !principal.roles.has('observer'))
      return notAllowed(principal, 'the roles auditor and observer');
    const listing = openListing(exchange, ['artifact'], ['json', 'ndjson']);
    if (listing instanceof Refused) return listing;
    const artifact = listing.query.get('artifact');
    const search = {
      ...(artifact !== undefined && { artifact }),
      ...(!readsAll && { by: principal.name }),
    };
    return await reply(exchange, listing, async page => await reads.evidence(search, page), {
      pageSize: 1_000,
    });
  };

  return { post: only(['observer'], withoutParameters(post)), list };
}
