import type { Facts } from '../../src/policy/facts.ts';
import type { ActionLimits, RequestsLimit } from '../../src/policy/limits.ts';
import { BudgetHistory, isOperating, KIND, type Asked } from './budget-history.ts';

/* The limits once more, slowly: what is said to a request, and nothing of the gate is known here but types. */

/** A reason as far as the model says it: without its sentence. */
export interface Told {
  readonly rule: string;
  readonly dimension?: string;
  readonly value?: string;
  readonly measured?: number;
  readonly limit?: number;
  readonly unit?: string;
  readonly request?: string;
}

export interface Expected {
  readonly status: number;
  readonly reasons: readonly Told[];
  readonly passes?: number;
  readonly retryAfterS?: number;
  /** What the policy is asked with; absent where the request does not come so far. */
  readonly facts?: Facts;
  /** The request limits that refuse it themselves. */
  readonly refusedBy: readonly RequestsLimit[];
}

export class BudgetModel extends BudgetHistory {
  /** What is said to a request that is asked now. Changes nothing. */
  decide(asked: Asked): Expected {
    const unknown = asked.ids.filter(id => !this.hosts.has(id));
    if (unknown.length > 0) {
      const told = { rule: 'targets.unknown', measured: unknown.length, limit: 0, unit: 'targets' };
      return { status: 422, reasons: [told], refusedBy: [] };
    }
    const byLimits = this.#againstLimits(asked);
    const switches = this.#switchReasons(asked);
    const conflicts = asked.ids.flatMap(id => this.#conflicts(asked.action, id));
    const reasons = [...switches, ...conflicts, ...byLimits];
    const facts = this.facts(asked);
    if (reasons.length === 0) return { status: 200, reasons, facts, refusedBy: [] };
    const isBudget = byLimits.some(({ rule }) => rule.startsWith('budget.'));
    const waitMs = isBudget ? this.#waitMs(asked) : undefined;
    const passes = switches.length + conflicts.length === 0 && byLimits.length > 0 ? this.#passes(asked) : 0;
    const onlyWaits = waitMs !== undefined && byLimits.every(({ rule }) => rule.startsWith('budget.'));
    const status = switches.length > 0 ? 423 : conflicts.length > 0 ? 409 : onlyWaits ? 429 : 403;
    return {
      status,
      reasons,
      facts,
      ...(passes > 0 && { passes }),
      // Where another reason decides, no time makes it pass.
      ...(status === 429 && waitMs !== undefined && { retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) }),
      refusedBy: this.#fullRequestLimits(asked, this.nowMs, 0),
    };
  }

  /** All that the policy may know of a request now. */
  facts({ action, principal, ids }: Asked): Facts {
    const fleet = { count: ids.length, total: this.hosts.size };
    const region = this.regionsOf(ids).map(value => {
      const own = ids.filter(id => this.host(id).region === value);
      const all = [...this.hosts].filter(([, host]) => host.region === value);
      const serving = all.filter(([, { state }]) => state === 'serving').map(([id]) => id);
      const stay = serving.filter(id => !this.isHeld(id) && !own.includes(id));
      const takes = own.filter(id => serving.includes(id)).length;
      return { value, count: own.length, total: all.length, takes, remaining: stay.length };
    });
    const windows = this.placed(action).flatMap(({ source, index, limit, action: of }) =>
      this.scopes(limit.per, principal, ids).map(value => ({
        source,
        index,
        value,
        used: this.used(limit, of, value, this.nowMs),
        count: this.countIn(limit.per, value, ids),
        total: this.totalOf(limit.per, value),
      })),
    );
    const requests = this.requestLimits(action).map((limit, index) => ({
      index,
      value: limit.per === 'principal' ? principal : KIND,
      used: this.asksIn(action, limit, principal, this.nowMs),
    }));
    const unknown = this.unknownInFlight(action);
    return {
      action,
      kind: KIND,
      principal,
      now_ms: this.nowMs,
      fleet,
      dimensions: { region },
      labels: {},
      windows,
      requests,
      in_flight: this.inFlight(action),
      ...(unknown > 0 && { unknown_in_flight: unknown }),
      protected: [],
    };
  }

  #switchReasons({ action, principal, ids }: Asked): Told[] {
    return this.switches
      .filter(engaged => this.isStopped(engaged, action, principal, this.regionsOf(ids)))
      .map(({ scope: { region } }) => ({
        rule: 'kill_switch.engaged',
        ...(region !== undefined && { dimension: 'region', value: region }),
      }));
  }

  #conflicts(action: string, value: string): Told[] {
    return this.operations.flatMap(one => {
      if (!one.targets.has(value)) return [];
      const told = { value, request: one.id };
      const mayBeDone = one.phase === 'unknown' || (one.phase === 'delivered' && !one.shown.has(value));
      const isDone = one.action === action && this.traitsOf(action).irreversible && mayBeDone;
      return [
        ...(isOperating(one) ? [{ rule: 'targets.in_operation', ...told }] : []),
        ...(isDone ? [{ rule: 'targets.already_done', ...told }] : []),
      ];
    });
  }

  #againstLimits(asked: Asked): Told[] {
    const { fleet, dimensions, windows, requests, in_flight } = this.facts(asked);
    const entry = this.entry(asked.action);
    const over = (told: Told & { measured: number; limit: number }): Told[] =>
      told.measured > told.limit ? [told] : [];
    const regions = dimensions['region'] ?? [];
    return [
      ...over({
        rule: 'blast_radius.max_targets',
        measured: fleet.count,
        limit: entry.max_targets,
        unit: 'targets',
      }),
      ...this.#shareReason(entry, 'fleet', KIND, fleet),
      ...regions.flatMap(fact => this.#shareReason(entry, 'region', fact.value, fact)),
      ...regions.flatMap(({ value, takes = 0, remaining = 0 }) => {
        const limit = entry.min_remaining?.['region'] ?? 0;
        if (takes === 0 || remaining >= limit) return [];
        const rule = 'blast_radius.min_remaining';
        return [{ rule, dimension: 'region', value, measured: remaining, limit, unit: 'targets' }];
      }),
      ...windows.flatMap(({ source, index, value, used = Infinity, count, total }) => {
        const limit = source === 'action' ? entry.windows[index] : this.limits.budgets[index];
        if (limit === undefined) throw new Error('a window without a limit');
        const most = this.ceiling(limit, total);
        const rule = 'budget.window';
        return over({
          rule,
          dimension: limit.per,
          value,
          measured: used + count,
          limit: most,
          unit: 'targets',
        });
      }),
      ...requests.flatMap(({ index, value, used }) => {
        const { per, max } = entry.max_requests?.[index] ?? { per: '', max: 0 };
        return over({
          rule: 'budget.requests',
          dimension: per,
          value,
          measured: used + 1,
          limit: max,
          unit: 'requests',
        });
      }),
      ...(entry.max_in_flight === undefined
        ? []
        : over({
            rule: 'budget.in_flight',
            measured: in_flight + 1,
            limit: entry.max_in_flight,
            unit: 'operations',
          })),
    ];
  }

  /** Compared as whole numbers; said in parts per million, or in targets where `at_least` decides. */
  #shareReason(
    entry: ActionLimits,
    dimension: string,
    value: string,
    { count, total }: { readonly count: number; readonly total: number },
  ): Told[] {
    const share = entry.max_share[dimension];
    if (share === undefined) return [];
    const isWithin = count * 1_000_000 <= share.share_ppm * total || count <= share.at_least;
    if (isWithin) return [];
    const told = { rule: 'blast_radius.share', dimension, value };
    return share.at_least > Math.floor((share.share_ppm * total) / 1_000_000)
      ? [{ ...told, measured: count, limit: share.at_least, unit: 'targets' }]
      : [{ ...told, measured: Math.ceil((count * 1_000_000) / total), limit: share.share_ppm, unit: 'ppm' }];
  }

  /** Request limits without room at a time; `more` decisions are counted beside those that are recorded. */
  #fullRequestLimits({ action, principal }: Asked, atMs: number, more: number): RequestsLimit[] {
    return this.requestLimits(action).filter(
      limit => this.asksIn(action, limit, principal, atMs) + more + 1 > limit.max,
    );
  }

  /** The largest n for which the first n would be allowed: every n is tried. */
  #passes(asked: Asked): number {
    const counts = asked.ids.map((_, index) => index + 1);
    return Math.max(
      0,
      ...counts.filter(n => this.#againstLimits({ ...asked, ids: asked.ids.slice(0, n) }).length === 0),
    );
  }

  /** Every time at which something changes is tried, in order, until this very request would pass. */
  #waitMs(asked: Asked): number | undefined {
    const refusing = this.#fullRequestLimits(asked, this.nowMs, 0);
    const entry = this.entry(asked.action);
    const isFull = this.inFlight(asked.action) + 1 > (entry.max_in_flight ?? Number.MAX_SAFE_INTEGER);
    if (isFull && entry.max_in_flight === 0) return undefined;
    // A promise of the executor: when it must have answered, there is room.
    const roomAt = isFull ? this.nowMs + this.traitsOf(asked.action).timeoutMs : this.nowMs;
    const ownLeave = this.requestLimits(asked.action).map(({ over_s }) => this.nowMs + over_s * 1000);
    const times = [...this.edges(), ...ownLeave, roomAt, this.nowMs].toSorted((a, b) => a - b);
    const at = times.find(
      time => time >= roomAt && this.#windowsHold(asked, time) && this.#requestsHold(asked, time, refusing),
    );
    return at === undefined ? undefined : at - this.nowMs;
  }

  #windowsHold({ action, principal, ids }: Asked, atMs: number): boolean {
    return this.placed(action).every(({ limit, action: of }) =>
      this.scopes(limit.per, principal, ids).every(value => {
        const most = this.ceiling(limit, this.totalOf(limit.per, value));
        return this.used(limit, of, value, atMs) + this.countIn(limit.per, value, ids) <= most;
      }),
    );
  }

  /** The refusal of now is counted by every request limit but those that refuse. */
  #requestsHold(
    { action, principal, counted }: Asked,
    atMs: number,
    refusing: readonly RequestsLimit[],
  ): boolean {
    return this.requestLimits(action).every(limit => {
      const isCounted = counted && !refusing.includes(limit) && atMs < this.nowMs + limit.over_s * 1000;
      return this.asksIn(action, limit, principal, atMs) + (isCounted ? 1 : 0) + 1 <= limit.max;
    });
  }
}
