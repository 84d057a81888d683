import type { Logger } from '../kit/logger.ts';
import type { Answer } from '../ledger/decision.ts';
import type { Exchange } from './exchange.ts';
import { requestIdOf } from './write-reply.ts';

/**
 * One line for each decision that is answered, repeats included: who asked for what, what was said, and why. No target, parameter or
 * reason of the caller: those are in the record, which the id leads to.
 */
export function tellDecision(
  logger: Logger,
  { res }: Pick<Exchange, 'res'>,
  answer: Answer,
  tookMs: number,
): void {
  const { document, outcome, status, replayed } = answer;
  logger.info(
    {
      request_id: requestIdOf(res),
      id: document.id,
      mode: document.mode,
      principal: document.principal,
      action: document.action,
      decision: document.decision,
      rules: [...new Set(document.reasons.map(({ rule }) => rule))],
      targets: document.targets?.count,
      outcome: outcome?.status,
      status,
      replayed,
      took_ms: Math.round(tookMs),
    },
    'decided',
  );
}
