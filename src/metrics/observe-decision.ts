import type { DecisionDocument } from '../ledger/decision.ts';
import type { Metrics } from './metrics.ts';

/** Counts a decision that was recorded just now. */
export function observeDecision(metrics: Metrics, document: DecisionDocument, durationMs: number): void {
  const { action, decision, reasons, targets } = document;
  metrics.decisionObserved({
    action,
    decision,
    rule: reasons[0]?.rule,
    targets: targets?.count ?? 0,
    durationMs,
  });
}
