import { Counter, Histogram, type Registry } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** What an action is called that is not declared, or not here. No action can be declared by that name. */
export const UNKNOWN_ACTION = 'unknown';

/** What a decision takes, and a batch of them, in seconds. */
export const DECISION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FORWARD_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

type DecisionMetrics = Pick<
  Metrics,
  'decisionObserved' | 'unrecordedObserved' | 'outcomeObserved' | 'forwardObserved'
>;

/** What was decided, and what became of it. */
export function createDecisionMetrics(registers: Registry[], actions: ReadonlySet<string>): DecisionMetrics {
  const decisions = new Counter({
    name: 'interlock_decisions_total',
    help: 'Decisions, by the rule of the first reason; empty when allowed. What leaves no record is of the action `unknown`.',
    labelNames: ['action', 'decision', 'rule'],
    registers,
  });
  const targets = new Counter({
    name: 'interlock_targets_total',
    help: 'Targets of recorded decisions.',
    labelNames: ['action', 'decision'],
    registers,
  });
  const outcomes = new Counter({
    name: 'interlock_outcomes_total',
    help: 'Outcomes as they came to be.',
    labelNames: ['action', 'status'],
    registers,
  });
  const { decisionSeconds, forwardSeconds } = createDurations(registers);
  const known = (action: string | undefined): string =>
    action !== undefined && actions.has(action) ? action : UNKNOWN_ACTION;
  return {
    decisionObserved({ action, decision, rule, targets: count, durationMs }) {
      decisions.inc({ action: known(action), decision, rule: rule ?? '' });
      decisionSeconds.observe(durationMs / 1000);
      targets.inc({ action: known(action), decision }, count);
    },
    unrecordedObserved: (decision, rule) => decisions.inc({ action: UNKNOWN_ACTION, decision, rule }),
    outcomeObserved: (action, status) => outcomes.inc({ action: known(action), status }),
    forwardObserved: durationMs => forwardSeconds.observe(durationMs / 1000),
  };
}

const createDurations = (registers: Registry[]) => ({
  decisionSeconds: new Histogram({
    name: 'interlock_decision_duration_seconds',
    help: 'From the body read whole to the decision recorded.',
    buckets: DECISION_BUCKETS_S,
    registers,
  }),
  forwardSeconds: new Histogram({
    name: 'interlock_forward_duration_seconds',
    help: 'One attempt at an executor, from the claim to its outcome.',
    buckets: FORWARD_BUCKETS_S,
    registers,
  }),
});
