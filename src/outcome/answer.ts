import { freshId } from '../kit/ids.ts';
import type { Refusal } from '../kit/refusal.ts';
import { rules, type Rule } from '../kit/rules.ts';
import type { Answer, Asked, DecisionDocument, Quota } from '../ledger/decision.ts';
import { isTriedAgain, outcomeView, type Operation } from '../ledger/operation.ts';

/**
 * What HTTP says of a decision and its present outcome.
 * @param status what the decision itself was answered with; an allow is answered by its outcome
 */
export function answerOf(
  document: DecisionDocument,
  status: number,
  operation: Operation | undefined,
  replayed: boolean,
  quotas: readonly Quota[] = [],
): Answer {
  const retryAfterS = document.retry_after_s;
  const base = {
    document,
    replayed,
    ...(retryAfterS !== undefined && { retryAfterS }),
    ...(quotas.length > 0 && { quotas }),
  };
  // The one that the status comes from, where it is not the first.
  const { reasons } = document;
  const rule = (reasons.find(reason => rules[reason.rule]?.status === status) ?? reasons[0])?.rule;
  if (operation === undefined) return { ...base, status, ...(rule !== undefined && { rule }) };
  const outcomeRule = ruleOf(operation);
  return {
    ...base,
    status:
      outcomeRule === undefined ? (operation.outcome === 'delivered' ? 200 : 202) : rules[outcomeRule].status,
    outcome: outcomeView(operation),
    ...(outcomeRule !== undefined && { rule: outcomeRule }),
  };
}

/** The answer to what leaves no record: its id stands in the log only. */
export function unrecorded(
  { principal, bodyDigest }: Asked,
  refusal: Refusal,
  mode: DecisionDocument['mode'],
  wallMs: number,
): Answer {
  const document: DecisionDocument = {
    id: freshId(),
    mode,
    decision: 'refused',
    principal: principal.name,
    body_digest: bodyDigest,
    reasons: refusal.reasons,
    decided_at: new Date(wallMs).toISOString(),
  };
  return { ...answerOf(document, refusal.status, undefined, false), unrecorded: true };
}

/** The rule that an outcome is answered by; none for delivered and pending. */
function ruleOf(operation: Operation): Rule | undefined {
  // Another attempt will be made: not known yet.
  if (isTriedAgain(operation)) return undefined;
  switch (operation.outcome) {
    case 'pending':
    case 'delivered':
      return undefined;
    case 'refused':
      return 'executor.refused';
    case 'unknown':
      return 'executor.unknown';
    case 'stopped':
      return operation.rule ?? 'kill_switch.engaged';
  }
}
