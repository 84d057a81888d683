import type { ActionLimits, Limits, RequestsLimit, WindowLimit } from '../../src/policy/limits.ts';

/* What happened, as a list with times. Nothing is kept beside it, nothing is carried on: each number is counted from it anew. */

export interface Host {
  readonly region: string;
  readonly state: 'serving' | 'retired';
}

export type Phase = 'waiting' | 'claimed' | 'accepted' | 'unknown' | 'delivered' | 'refused' | 'stopped';

export interface ModelOperation {
  readonly id: string;
  readonly action: string;
  readonly principal: string;
  /** Each target as it was at the decision. */
  readonly targets: ReadonlyMap<string, Host>;
  phase: Phase;
  settledAtMs: number;
  /** Targets that the inventory has shown since it was delivered. */
  shown: Set<string>;
}

export interface ModelSwitch {
  readonly id: string;
  readonly scope: { readonly action?: string; readonly region?: string };
  readonly except: readonly string[];
}

export interface Asked {
  readonly principal: string;
  readonly action: string;
  /** Sorted, distinct. */
  readonly ids: readonly string[];
  /** A pre-flight counts nowhere. */
  readonly counted: boolean;
}

interface Spent {
  readonly atMs: number;
  readonly action: string;
  readonly principal: string;
  readonly regions: readonly string[];
}

interface Decided {
  readonly atMs: number;
  readonly action: string;
  readonly principal: string;
  readonly refusedBy: readonly RequestsLimit[];
}

export interface ActionTraits {
  readonly irreversible: boolean;
  readonly concurrency: number;
  readonly timeoutMs: number;
}

/** Of each window and budget: where it stands, and what it says. */
export interface Placed {
  readonly source: 'action' | 'budget';
  readonly index: number;
  readonly limit: WindowLimit;
  /** Undefined for a budget: over all actions. */
  readonly action: string | undefined;
}

export const KIND = 'host';
export const isOperating = ({ phase }: ModelOperation): boolean =>
  phase === 'waiting' || phase === 'claimed' || phase === 'accepted' || phase === 'unknown';

export class BudgetHistory {
  readonly limits: Limits;
  readonly #traits: Readonly<Record<string, ActionTraits>>;
  readonly #spent: Spent[] = [];
  readonly #decided: Decided[] = [];
  readonly operations: ModelOperation[] = [];
  switches: ModelSwitch[] = [];
  hosts: ReadonlyMap<string, Host>;
  asOfMs: number;
  nowMs: number;

  constructor(
    limits: Limits,
    traits: Readonly<Record<string, ActionTraits>>,
    hosts: ReadonlyMap<string, Host>,
    nowMs: number,
  ) {
    this.limits = limits;
    this.#traits = traits;
    this.hosts = hosts;
    this.nowMs = nowMs;
    this.asOfMs = nowMs;
  }

  /** A request was decided. `id` is that of an allowed one. */
  record(
    asked: Asked,
    { status, refusedBy }: { readonly status: number; readonly refusedBy: readonly RequestsLimit[] },
    id: string,
  ): void {
    if (!asked.counted) return;
    const { action, principal } = asked;
    this.#decided.push({ atMs: this.nowMs, action, principal, refusedBy });
    if (status !== 200) return;
    const targets = new Map(asked.ids.map(one => [one, this.host(one)]));
    const regions = [...targets.values()].map(({ region }) => region);
    this.#spent.push({ atMs: this.nowMs, action, principal, regions });
    const isFree = !this.#some(action, ['waiting']) && this.hasPlace(action);
    const phase = isFree ? 'claimed' : 'waiting';
    this.operations.push({ id, action, principal, targets, phase, settledAtMs: 0, shown: new Set() });
  }

  host(id: string): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`the model has no ${id}`);
    return host;
  }

  hasPlace(action: string): boolean {
    const busy = this.operations.filter(
      one => one.action === action && (one.phase === 'claimed' || one.phase === 'accepted'),
    );
    return busy.length < this.traitsOf(action).concurrency;
  }

  traitsOf(action: string): ActionTraits {
    const traits = this.#traits[action];
    if (traits === undefined) throw new Error(`the model has no ${action}`);
    return traits;
  }

  #some(action: string, phases: readonly Phase[]): boolean {
    return this.operations.some(one => one.action === action && phases.includes(one.phase));
  }

  settle(operation: ModelOperation, phase: Phase): void {
    operation.phase = phase;
    operation.settledAtMs = this.nowMs;
    operation.shown = new Set();
  }

  /** A snapshot that was read at a time, and names all that there is. */
  load(hosts: ReadonlyMap<string, Host>, asOfMs: number): void {
    this.hosts = hosts;
    this.asOfMs = asOfMs;
    for (const operation of this.operations) {
      if (operation.phase !== 'delivered' || operation.settledAtMs >= asOfMs) continue;
      const { irreversible } = this.traitsOf(operation.action);
      for (const [id, then] of operation.targets) {
        const now = hosts.get(id);
        const isSame = now !== undefined && now.region === then.region && now.state === then.state;
        if (!irreversible || !isSame) operation.shown.add(id);
      }
    }
  }

  /** Whether a switch stops what is done to targets of these regions. */
  isStopped(
    { scope, except }: ModelSwitch,
    action: string,
    principal: string,
    regions: Iterable<string>,
  ): boolean {
    if (except.includes(principal)) return false;
    if (scope.action !== undefined) return scope.action === action;
    return scope.region === undefined || [...regions].includes(scope.region);
  }

  /** What was spent in a window, per one of its values, in the time that ends at a moment. */
  used({ per, over_s }: WindowLimit, action: string | undefined, value: string, atMs: number): number {
    return this.#spent
      .filter(spent => (action === undefined || spent.action === action) && atMs < spent.atMs + over_s * 1000)
      .map(({ regions, principal }) => {
        if (per === 'fleet') return regions.length;
        if (per === 'principal') return principal === value ? regions.length : 0;
        return regions.filter(region => region === value).length;
      })
      .reduce((sum, count) => sum + count, 0);
  }

  /** Recorded decisions that a request limit counts. */
  asksIn(action: string, limit: RequestsLimit, principal: string, atMs: number): number {
    return this.#decided.filter(
      decided =>
        decided.action === action &&
        (limit.per === 'fleet' || decided.principal === principal) &&
        !decided.refusedBy.includes(limit) &&
        atMs < decided.atMs + limit.over_s * 1000,
    ).length;
  }

  inFlight(action: string): number {
    return this.operations.filter(one => one.action === action && isOperating(one)).length;
  }

  unknownInFlight(action: string): number {
    return this.operations.filter(one => one.action === action && one.phase === 'unknown').length;
  }

  ceiling({ max_targets, max_share }: WindowLimit, total: number): number {
    if (max_targets !== undefined) return max_targets;
    return Math.max(Math.floor(((max_share?.share_ppm ?? 0) * total) / 1_000_000), max_share?.at_least ?? 0);
  }

  totalOf(per: string, value: string): number {
    if (per === 'fleet' || per === 'principal') return this.hosts.size;
    return [...this.hosts.values()].filter(({ region }) => region === value).length;
  }

  requestLimits = (action: string): readonly RequestsLimit[] => this.entry(action).max_requests ?? [];

  /** The times at which something leaves a window, later than now, in their order. */
  edges(): number[] {
    const overs = Object.values(this.limits.actions)
      .flatMap(entry => [...entry.windows, ...(entry.max_requests ?? [])])
      .concat(this.limits.budgets)
      .map(({ over_s }) => over_s * 1000);
    const times = [...this.#spent, ...this.#decided].flatMap(({ atMs }) => overs.map(over => atMs + over));
    return [...new Set(times)].filter(at => at > this.nowMs).toSorted((a, b) => a - b);
  }

  entry(action: string): ActionLimits {
    const entry = this.limits.actions[action];
    if (entry === undefined) throw new Error(`the model has no limits for ${action}`);
    return entry;
  }

  placed(action: string): Placed[] {
    return [
      ...this.entry(action).windows.map(
        (limit, index) => ({ source: 'action', index, limit, action }) as const,
      ),
      ...this.limits.budgets.map(
        (limit, index) => ({ source: 'budget', index, limit, action: undefined }) as const,
      ),
    ];
  }

  regionsOf = (ids: readonly string[]): string[] =>
    [...new Set(ids.map(id => this.host(id).region))].toSorted();

  scopes(per: string, principal: string, ids: readonly string[]): string[] {
    if (per === 'fleet') return [KIND];
    return per === 'principal' ? [principal] : this.regionsOf(ids);
  }

  countIn = (per: string, value: string, ids: readonly string[]): number =>
    per === 'region' ? ids.filter(id => this.host(id).region === value).length : ids.length;

  isHeld = (id: string): boolean =>
    this.operations.some(
      one => one.targets.has(id) && (isOperating(one) || (one.phase === 'delivered' && !one.shown.has(id))),
    );
}
