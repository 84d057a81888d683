import { Gauge, type Registry } from 'prom-client';

/** Where an operation is that still holds its targets. */
export type OperationState = 'waiting' | 'on_the_wire' | 'accepted' | 'unknown';

const STATES: readonly OperationState[] = ['waiting', 'on_the_wire', 'accepted', 'unknown'];

/** How full one limit of the limits file is, in the scope where it is fullest. */
export interface Fill {
  /** Empty for a budget over all actions. */
  readonly action: string;
  readonly rule: string;
  readonly per: string;
  /** Seconds, as text; empty for what is in flight. */
  readonly over: string;
  /** 1 is full. */
  readonly ratio: number;
}

/** How a gate and its store stand, as one look at the ledger finds them. */
export interface Standing {
  /** By action, for every declared one, and together for all others. */
  readonly operations: ReadonlyMap<string, Readonly<Record<OperationState, number>>>;
  readonly fills: readonly Fill[];
  /** Whether this gate's policy revision is the active one; false where none is loaded. */
  readonly isPolicyActive: boolean;
  readonly hasClockJumped: boolean;
  /** Entries of `freezes` that are in force; 0 where no policy is loaded. */
  readonly freezesInForce: number;
}

/** Gauges of what is so now. Their labels come from the configuration and the limits file, never from a caller. */
export function createStandingGauges(registers: Registry[]): {
  observe(standing: Standing): void;
  observeDatabase(isThere: boolean): void;
} {
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
  const fills = new Gauge({
    name: 'interlock_limit_fill_ratio',
    help: 'How full a window, budget, request limit or limit in flight is, in the scope where it is fullest; 1 is full. No action: over all of a kind.',
    labelNames: ['action', 'rule', 'per', 'over_seconds'],
    registers,
  });
  return {
    observeDatabase: isThere => database.set(isThere ? 1 : 0),
    observe(standing) {
      active.set(standing.isPolicyActive ? 1 : 0);
      jumped.set(standing.hasClockJumped ? 1 : 0);
      freezes.set(standing.freezesInForce);
      for (const [action, counts] of standing.operations)
        for (const state of STATES) operations.set({ action, state }, counts[state]);
      fills.reset();
      for (const { action, rule, per, over, ratio } of standing.fills)
        fills.set({ action, rule, per, over_seconds: over }, ratio);
    },
  };
}
