import { expect } from 'vitest';

import type { BudgetItem } from '../../src/ledger/budgets.ts';
import type { Reason } from '../../src/kit/refusal.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { Event } from '../../src/outcome/transition.ts';
import { KIND, type Asked, type Host, type ModelOperation, type Phase } from './budget-history.ts';
import { OneGate, type Answered, type GatesOptions, type Sent } from './budget-gates.ts';
import { BudgetModel, type Told } from './budget-model.ts';
import { firstHosts, REQUESTERS, traits, type AnyStep, type AskedStep, type Step } from './budget-steps.ts';

/** Where a run's time is set: for the database, and for the gates' own clocks. */
export interface RunTime {
  set(atMs: number): Promise<void>;
}

/** A request as it was sent, and what holds its key. */
interface Before {
  readonly sent: Sent;
  decisionId?: string;
}

const shown = ({ rule, dimension, value, measured, limit, unit, request }: Reason): Told => ({
  rule,
  ...(dimension !== undefined && { dimension }),
  ...(value !== undefined && { value }),
  ...(measured !== undefined && { measured }),
  ...(limit !== undefined && { limit }),
  ...(unit !== undefined && { unit }),
  ...(request !== undefined && { request }),
});

const sorted = (items: readonly object[]): readonly string[] =>
  items.map(item => JSON.stringify(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))).toSorted();

const outcomes: Readonly<Record<Phase, string>> = {
  waiting: 'pending',
  claimed: 'pending',
  accepted: 'pending',
  unknown: 'unknown',
  delivered: 'delivered',
  refused: 'refused',
  stopped: 'stopped',
};

/** One run: what happens to the gates happens to the model, and what they say is compared. */
export class BudgetRun {
  readonly #model: BudgetModel;
  readonly #options: GatesOptions;
  readonly #time: RunTime;
  #gates: readonly [OneGate, OneGate];
  readonly #before: Before[] = [];
  /** What requests were told in this run. */
  readonly told = new Set<string>();

  private constructor(limits: Limits, options: GatesOptions, time: RunTime, startMs: number) {
    this.#model = new BudgetModel(limits, traits, firstHosts, startMs);
    this.#options = options;
    this.#time = time;
    this.#gates = [new OneGate(options), new OneGate(options)];
  }

  /** Two gates on an empty store, with an inventory. */
  static async begin(
    limits: Limits,
    options: GatesOptions,
    time: RunTime,
    startMs: number,
  ): Promise<BudgetRun> {
    const run = new BudgetRun(limits, options, time, startMs);
    await time.set(startMs);
    for (const gate of run.#gates) await gate.start();
    await run.#gates[0].load(firstHosts, startMs);
    return run;
  }

  async step(step: AnyStep): Promise<void> {
    switch (step.do) {
      case 'ask':
        return await this.#ask(step);
      case 'pass':
        return await this.#pass(step);
      case 'settle':
        return await this.#settle(step);
      case 'claim':
        return await this.#claim(step);
      case 'engage':
        return await this.#engage(step);
      case 'release':
        return await this.#release(step);
      case 'load':
        return await this.#load(step);
      case 'restart':
        return await this.#restart(step);
      case 'look':
        return await this.#look(step.gate);
    }
  }

  /** Both gates say how full all is, and what was spent never was too much. */
  async end(): Promise<void> {
    await this.#look(0);
    await this.#look(1);
    const rows = await this.#gates[0].spends();
    for (const { limit, action } of ['disk.wipe', 'host.reboot'].flatMap(name => this.#model.placed(name))) {
      if (limit.max_targets === undefined) continue;
      const dimension = limit.per === 'region' ? 'region' : 'fleet';
      const own = rows.filter(
        row => row.dimension === dimension && (action === undefined || row.action === action),
      );
      for (const last of own) {
        const scope = ({ value, principal }: typeof last): string =>
          limit.per === 'principal' ? principal : value;
        const inWindow = own.filter(
          row => scope(row) === scope(last) && row.at <= last.at && last.at < row.at + limit.over_s * 1000,
        );
        expect(inWindow.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(limit.max_targets);
      }
    }
  }

  async #ask({ gate, requests, breakAt }: Step<'ask'>): Promise<void> {
    const known = new Set(this.#before.map(({ sent }) => sent.key));
    const batch = requests.map(one => this.#toSend(one, known));
    const breaks = breakAt !== null && breakAt < batch.length;
    const failedBefore = this.#gates[gate].failedBatches;
    const answers = await this.#gates[gate].ask(
      batch.map(({ sent }) => sent),
      breaks ? breakAt : undefined,
    );
    expect(this.#gates[gate].failedBatches > failedBefore).toBe(breaks);
    for (const [index, before] of batch.entries()) {
      const answer = answers[index];
      if (answer === undefined) throw new Error('a request without an answer');
      this.#compare(before, answer);
    }
  }

  /** The request, or an earlier one again; what was sent once is remembered with its key. */
  #toSend(one: AskedStep, known: ReadonlySet<string>): Before {
    const earlier = 'again' in one ? this.#before[one.again % Math.max(1, this.#before.length)] : undefined;
    if (earlier !== undefined) return { ...earlier, ...this.#sentAgain(earlier, known) };
    const asked: Asked =
      'again' in one ? { principal: 'bot', action: 'host.reboot', ids: ['h0'], counted: true } : one;
    const before: Before = { sent: { ...asked, key: `k${this.#before.length}`, keyWasFree: true } };
    if (asked.counted) this.#before.push(before);
    return before;
  }

  #sentAgain({ sent }: Before, known: ReadonlySet<string>): Pick<Before, 'sent'> {
    return { sent: { ...sent, keyWasFree: !known.has(sent.key) } };
  }

  #compare({ sent }: Before, { decided, facts }: Answered): void {
    const held = this.#before.find(one => one.sent.key === sent.key && sent.counted);
    if (held?.decisionId !== undefined) return this.#compareRepeat(held.decisionId, decided);
    const expected = this.#model.decide(sent);
    if ('repeat' in decided) throw new Error(`${sent.key} was answered as a repeat, and was never decided`);
    const { document, status } = decided;
    expect({
      status,
      reasons: sorted(document.reasons.map(shown)),
      passes: document.passes,
      retryAfterS: document.retry_after_s,
      facts,
    }).toEqual({
      status: expected.status,
      reasons: sorted(expected.reasons),
      passes: expected.passes,
      retryAfterS: expected.retryAfterS,
      facts: expected.facts,
    });
    this.#model.record(sent, expected, document.id);
    for (const { rule } of document.reasons) this.told.add(rule);
    this.told.add(String(status));
    if (held !== undefined && status !== 429) held.decisionId = document.id;
  }

  #compareRepeat(id: string, decided: Answered['decided']): void {
    if (!('repeat' in decided)) throw new Error(`${id} was decided twice`);
    const operation = this.#model.operations.find(one => one.id === id);
    this.told.add('repeat');
    expect([decided.repeat.document.id, decided.repeat.operation?.outcome]).toEqual([
      id,
      operation && outcomes[operation.phase],
    ]);
  }

  async #pass({ by }: Step<'pass'>): Promise<void> {
    const { nowMs } = this.#model;
    const edges = this.#model.edges();
    const edge = 'edge' in by ? edges[by.edge % Math.max(1, edges.length)] : undefined;
    const to = 'edge' in by ? (edge ?? nowMs) + by.off : nowMs + by.ms;
    if (to <= nowMs) return;
    this.#model.nowMs = to;
    await this.#time.set(to);
  }

  async #settle({ gate, which, how }: Step<'settle'>): Promise<void> {
    const open = this.#model.operations.filter(({ phase }) => phase !== 'delivered' && phase !== 'stopped');
    const operation = open[which % Math.max(1, open.length)];
    if (operation === undefined) return;
    const { event, phase } = nextOf(operation, how);
    await this.#gates[gate].event(operation.id, event);
    this.#model.settle(operation, phase);
  }

  async #claim({ gate, action }: Step<'claim'>): Promise<void> {
    await this.#gates[gate].claim(action);
    for (const operation of this.#model.operations) {
      if (operation.action !== action || operation.phase !== 'waiting' || !this.#model.hasPlace(action))
        continue;
      const drifted = [...operation.targets].some(([id, then]) => {
        const now = this.#model.hosts.get(id);
        return now?.region !== then.region || now.state !== then.state;
      });
      this.#model.settle(operation, drifted ? 'stopped' : 'claimed');
    }
  }

  async #engage({ gate, scope, except }: Step<'engage'>): Promise<void> {
    // A value that no target has is refused: nothing is engaged.
    if ('region' in scope && this.#model.totalOf('region', scope.region) === 0) return;
    const id = await this.#gates[gate].engage({ scope, except });
    const engaged = { id, scope, except };
    this.#model.switches.push(engaged);
    for (const operation of this.#model.operations) {
      const { action, principal, targets } = operation;
      const regions = [...targets.values()].map(({ region }) => region);
      if (operation.phase === 'waiting' && this.#model.isStopped(engaged, action, principal, regions))
        this.#model.settle(operation, 'stopped');
    }
  }

  async #release({ gate, which }: Step<'release'>): Promise<void> {
    const { switches } = this.#model;
    const engaged = switches[which % Math.max(1, switches.length)];
    if (engaged === undefined) return;
    await this.#gates[gate].release(engaged.id);
    this.#model.switches = switches.filter(one => one !== engaged);
  }

  async #load({ gate, changes, readAt }: Step<'load'>): Promise<void> {
    const hosts = new Map<string, Host>(this.#model.hosts);
    for (const [id, host] of changes) {
      if (host === null) hosts.delete(id);
      else hosts.set(id, host);
    }
    if (hosts.size === 0) return;
    const { nowMs, asOfMs, operations } = this.#model;
    const lastMs = Math.max(asOfMs, ...operations.map(({ settledAtMs }) => settledAtMs));
    const readMs = readAt === 'now' ? nowMs : Math.min(nowMs, lastMs + readAt);
    await this.#gates[gate].load(hosts, readMs);
    this.#model.load(hosts, readMs);
  }

  async #restart({ gate }: Step<'restart'>): Promise<void> {
    const fresh = new OneGate(this.#options);
    this.#gates = gate === 0 ? [fresh, this.#gates[1]] : [this.#gates[0], fresh];
    await fresh.start();
    // What a book that was read whole holds, before anything is asked of it.
    await this.#look(gate);
  }

  async #look(gate: 0 | 1): Promise<void> {
    expect(sorted(await this.#gates[gate].budgets())).toEqual(sorted(this.#items()));
  }

  #items(): BudgetItem[] {
    const { limits } = this.#model;
    const scopes: Readonly<Record<string, readonly string[]>> = {
      fleet: [KIND],
      region: ['eu', 'us'],
      principal: REQUESTERS,
    };
    const actions = Object.entries(limits.actions);
    const windows = [
      ...actions.flatMap(([action, { windows: own }]) => own.map(limit => ({ action, limit }))),
      ...limits.budgets.map(limit => ({ action: null, limit })),
    ].flatMap(({ action, limit }) =>
      (scopes[limit.per] ?? []).map(value => ({
        action,
        rule: 'budget.window' as const,
        per: limit.per,
        value,
        over_s: limit.over_s,
        used: this.#model.used(limit, action ?? undefined, value, this.#model.nowMs),
        limit: this.#model.ceiling(limit, this.#model.totalOf(limit.per, value)),
        unit: 'targets' as const,
      })),
    );
    const requests = actions.flatMap(([action]) =>
      this.#model.requestLimits(action).flatMap(limit =>
        (scopes[limit.per] ?? []).map(value => ({
          action,
          rule: 'budget.requests' as const,
          per: limit.per,
          value,
          over_s: limit.over_s,
          used: this.#model.asksIn(action, limit, value, this.#model.nowMs),
          limit: limit.max,
          unit: 'requests' as const,
        })),
      ),
    );
    const inFlight = actions.flatMap(([action, { max_in_flight: limit }]) => {
      const used = this.#model.inFlight(action);
      const item = { action, rule: 'budget.in_flight', per: 'fleet', value: KIND, over_s: null } as const;
      return limit === undefined ? [] : [{ ...item, used, limit, unit: 'operations' as const }];
    });
    const isSaid = ({ per, used }: BudgetItem): boolean => per === 'fleet' || used > 0;
    return [...windows.filter(isSaid), ...requests.filter(isSaid), ...inFlight];
  }
}

/** What may become of an operation in its phase, and how that is told. */
function nextOf({ phase }: ModelOperation, how: number): { readonly event: Event; readonly phase: Phase } {
  const detail = 'a test';
  if (phase === 'waiting')
    return { event: { type: 'stop', rule: 'request.cancelled', detail }, phase: 'stopped' };
  if (phase === 'claimed') {
    const kind = (['delivered', 'refused', 'unknown', 'accepted'] as const)[how % 4] ?? 'unknown';
    return { event: { type: 'attempt', attempt: 1, attempted: { kind, detail } }, phase: kind };
  }
  // What was refused may turn out to have been delivered after all.
  const status = phase === 'refused' || how % 2 === 0 ? 'delivered' : 'refused';
  return { event: { type: 'report', status, fromExecutor: true, by: 'wiper', detail }, phase: status };
}
