import { Gauge, type Registry } from 'prom-client';
import type { Metrics, OperationState } from './metrics.ts';

const STATES: readonly OperationState[] = ['waiting', 'on_the_wire', 'accepted', 'unknown'];

/** Gauges of what is so now. Their labels come from the configuration and the limits file, never from a caller. */
export function createStandingGauges(
  registers: Registry[],
): Pick<Metrics, 'standingObserved' | 'databaseObserved'> {
  const database = new Gauge({
    name: 'interlock_database_up',
    help: '1 if the database answered when it was last looked at, and takes what must be written.',
    registers,
  });
  const active = new Gauge({
    name: 'interlock_policy_active',
    help: '1 if this gate has the active policy revision; a gate that has not decides nothing.',
    registers,
  });
  const jumped = new Gauge({
    name: 'interlock_clock_jumped',
    help: "1 while the database's clock and the gate's have parted; nothing is decided then.",
    registers,
  });
  const freezes = new Gauge({
    name: 'interlock_freezes_in_force',
    help: 'Freezes of the limits file that are in force now.',
    registers,
  });
  const operations = new Gauge({
    name: 'interlock_operations',
    help: 'Allowed requests that still hold their targets: waiting, on_the_wire, accepted (the executor will report), unknown (somebody must settle it).',
    labelNames: ['action', 'state'],
    registers,
  });
  const oldest = new Gauge({
    name: 'interlock_oldest_operation_age_seconds',
    help: 'Since the last attempt at the oldest of these requests began, or since its decision where there was none; 0 where there is none.',
    labelNames: ['action', 'state'],
    registers,
  });
  const fills = new Gauge({
    name: 'interlock_limit_fill_ratio',
    help: 'How full a window, budget, request limit or limit in flight is, in the scope where it is fullest; 1 is full. No action: over all of a kind.',
    labelNames: ['action', 'rule', 'per', 'over_seconds'],
    registers,
  });
  return {
    databaseObserved: isThere => database.set(isThere ? 1 : 0),
    standingObserved(standing) {
      active.set(standing.isPolicyActive ? 1 : 0);
      jumped.set(standing.hasClockJumped ? 1 : 0);
      freezes.set(standing.freezesInForce);
      for (const [action, found] of standing.operations)
        for (const state of STATES) {
          operations.set({ action, state }, found[state].count);
          oldest.set({ action, state }, found[state].oldestS);
        }
      fills.reset();
      for (const { action, rule, per, over, ratio } of standing.fills)
        fills.set({ action, rule, per, over_seconds: over }, ratio);
    },
  };
}
