import type { Kind } from '../config/config.ts';
import type { Sums } from '../kit/add-each.ts';
import { own } from '../kit/own.ts';
import type { Limits, WindowLimit } from '../policy/limits.ts';
import type { Horizons } from './counted-queries.ts';
import { Held } from './held.ts';
import { holdsItsTargets, occupiesExecutor, type Operation } from './operation.ts';
import { Window } from './window.ts';

/** Where a switch stops: everything, one action, or all that touches one value of a dimension. */
export type Scope =
  | { readonly everything?: never }
  | { readonly action: string }
  | { readonly dimension: string; readonly value: string };

export interface EngagedSwitch {
  readonly id: string;
  readonly scope: Scope;
  readonly reason: string;
  /** Requesters that are let through. */
  readonly except: readonly string[];
  /** Of a value scope: kinds that had no such dimension then. Absent where a gate of before engaged it. */
  readonly lacking?: readonly string[] | undefined;
  readonly engagedAt: string;
  readonly engagedBy: string;
}

/** The inventory of a kind that is in force. */
export interface KindState {
  readonly revision: number;
  readonly count: number;
  readonly asOfMs: number;
  /** Digest of the kind's declaration it was loaded under. */
  readonly definition: string;
  /** Of a kind with several sources: when each was last read whole, Unix milliseconds, and under which declaration. */
  readonly sources?: ReadonlyMap<string, { readonly asOfMs: number; readonly definition: string }>;
  /** What all targets weigh, by weight; absent where the kind declares none. */
  readonly weights?: Sums | undefined;
  readonly totals: ReadonlyMap<string, ReadonlyMap<string, ValueTotal>>;
}

export interface ValueTotal {
  readonly count: number;
  readonly inService: number;
  readonly weights?: Sums | undefined;
}

/** No weight is called so. */
const TARGETS = '';

interface ScopedWindow {
  readonly action?: string;
  readonly kind?: string;
  readonly per: string;
  /** By weight, where the limit is on weights; else the one of its targets, under no name. */
  readonly windows: ReadonlyMap<string, Window>;
}

export interface Spend {
  readonly kind: string;
  readonly action: string;
  readonly principal: string;
  /** `fleet` or a dimension. */
  readonly dimension: string;
  readonly value: string;
  readonly count: number;
  /** What these targets weighed, by each weight that all of them had; absent or null on a kind without weights. */
  readonly weights?: Sums | null;
}

export interface Ask {
  readonly action: string;
  readonly principal: string;
  readonly refusedBy: readonly string[];
  readonly count: number;
}

/** Dimension → how far back it is looked at, in milliseconds. */
type Spans = Map<string, number>;

/** What is declared, by name. */
export type Names = Pick<ReadonlySet<string>, 'has'>;

/**
 * All that a decision rests on, in memory, as it is at one version of the head. Valid only under the head's lock at that
 * version; thrown away whenever a batch fails. Its methods are told what was decided; they decide nothing.
 */
export class Book {
  version = 0;
  seq = 0;
  hash = '';
  activePolicy: string | undefined;
  /** By then it was active, Unix milliseconds of the database: its entry, or the last accepted time after it, for no age reaches over that. */
  activeByMs: number | undefined;
  readonly seenPolicies: Set<string>;
  readonly switches: Map<string, EngagedSwitch>;
  readonly kinds = new Map<string, KindState>();
  readonly held: Held;
  readonly #limits: Limits | undefined;
  readonly #operations = new Map<string, Operation>();
  readonly #waiting = new Map<string, Set<string>>();
  readonly #busy = new Map<string, number>();
  readonly #inFlight = new Map<string, number>();
  readonly #unknown = new Map<string, number>();
  readonly #spendWindows = new Map<WindowLimit, ScopedWindow>();
  readonly #askWindows = new Map<string, Window>();

  readonly #kinds: ReadonlyMap<string, Kind>;
  readonly #actions: Names;

  /** @param told a book before it, of which it keeps what only recorded entries tell: switches and policy revisions */
  constructor(limits: Limits | undefined, kinds: ReadonlyMap<string, Kind>, actions: Names, told?: Book) {
    this.activePolicy = told?.activePolicy;
    this.activeByMs = told?.activeByMs;
    this.seenPolicies = told?.seenPolicies ?? new Set();
    this.switches = told?.switches ?? new Map();
    this.#limits = limits;
    this.#kinds = kinds;
    this.#actions = actions;
    this.held = new Held(kinds);
    for (const [action, entry] of Object.entries(limits?.actions ?? {})) {
      for (const limit of entry.windows) this.#openWindow(limit, { action });
      for (const limit of entry.max_requests ?? []) {
        this.#askWindows.set(askKey(action, limit.per, limit.over_s), new Window(limit.over_s * 1000));
      }
    }
    for (const budget of limits?.budgets ?? []) this.#openWindow(budget, { kind: budget.kind });
  }

  #openWindow(limit: WindowLimit, scope: { action: string } | { kind: string }): void {
    const names = limit.max_weight === undefined ? [TARGETS] : Object.keys(limit.max_weight);
    const windows = new Map(names.map(name => [name, new Window(limit.over_s * 1000)]));
    this.#spendWindows.set(limit, { ...scope, per: limit.per, windows });
  }

  /** How far back the limits look. */
  horizons(): Horizons {
    const [action, kind] = [new Map<string, Spans>(), new Map<string, Spans>()];
    for (const [{ over_s }, { per, ...scope }] of this.#spendWindows) {
      const [by, name] = scope.action === undefined ? [kind, scope.kind ?? ''] : [action, scope.action];
      const spans = by.get(name) ?? new Map<string, number>();
      by.set(name, spans);
      // What was spent of a dimension is held against what was spent in all; a principal's stands there only.
      for (const dimension of new Set(['fleet', per === 'principal' ? 'fleet' : per]))
        spans.set(dimension, Math.max(spans.get(dimension) ?? 0, over_s * 1000));
    }
    const plain = (by: ReadonlyMap<string, Spans>): Record<string, Record<string, number>> =>
      Object.fromEntries([...by].map(([name, spans]) => [name, Object.fromEntries(spans)]));
    const asks = Object.entries(this.#limits?.actions ?? {}).flatMap(([name, { max_requests }]) =>
      max_requests === undefined
        ? []
        : [[name, Math.max(...max_requests.map(({ over_s }) => over_s * 1000))]],
    );
    return { action: plain(action), kind: plain(kind), asks: Object.fromEntries(asks) };
  }

  /** Whether the configuration has an action of this name: what is recorded may be of one that is called otherwise now. */
  declaresAction(name: string): boolean {
    return this.#actions.has(name);
  }

  /** Whether targets of a kind have a value of a dimension now. */
  declares(kind: string, dimension: string): boolean {
    return this.#kinds.get(kind)?.dimensions.includes(dimension) ?? false;
  }

  /** Whether a target of any kind has this value of a dimension now. */
  hasValue(dimension: string, value: string): boolean {
    return [...this.kinds.values()].some(({ totals }) => totals.get(dimension)?.has(value) ?? false);
  }

  /** All values of a dimension that targets have now, whatever their kind. They may be as many as there are racks. */
  valuesOf(dimension: string): readonly string[] {
    const values = [...this.kinds.values()].flatMap(({ totals }) => [
      ...(totals.get(dimension)?.keys() ?? []),
    ]);
    return [...new Set(values)];
  }

  /** The kinds whose targets have a value of a dimension now. */
  declaring(dimension: string): readonly string[] {
    return [...this.#kinds.values()]
      .filter(({ dimensions }) => dimensions.includes(dimension))
      .map(({ name }) => name);
  }

  /** Moves every window to the batch's time. */
  advance(nowMs: number): void {
    for (const { windows } of this.#spendWindows.values())
      for (const window of windows.values()) window.advance(nowMs);
    for (const window of this.#askWindows.values()) window.advance(nowMs);
  }

  /** @param weight one that the limit is on; without one the limit is on targets */
  window(limit: WindowLimit, weight: string = TARGETS): Window {
    const window = this.#spendWindows.get(limit)?.windows.get(weight);
    if (window === undefined) throw new Error('a window that the limits in force do not declare');
    return window;
  }

  askWindow(action: string, per: string, overS: number): Window {
    const window = this.#askWindows.get(askKey(action, per, overS));
    if (window === undefined) throw new Error('a request limit that the limits in force do not declare');
    return window;
  }

  spend(atMs: number, spend: Spend): void {
    // Of targets that lacked the dimension when they were allowed: of which value they are is not known.
    if (spend.value === '') return;
    for (const { action, kind, per, windows } of this.#spendWindows.values()) {
      if (action !== undefined ? action !== spend.action : kind !== spend.kind) continue;
      const isWhole = spend.dimension === 'fleet';
      if (per !== 'fleet' && per !== 'principal') {
        // Each target has one value of each dimension that there was when it was allowed.
        const placed = isWhole ? spend.count : per === spend.dimension ? -spend.count : 0;
        for (const window of windows.values()) window.place(atMs, placed);
      }
      const isPrincipals = per === 'principal' && isWhole;
      if (!isPrincipals && per !== spend.dimension) continue;
      const value = isPrincipals ? spend.principal : spend.value;
      for (const [weight, window] of windows) {
        const amount = weight === TARGETS ? spend.count : amountOf(spend, weight);
        if (amount === undefined) window.spendUnknown(atMs, value);
        else if (amount > 0) window.spend(atMs, value, amount);
      }
    }
  }

  ask(atMs: number, ask: Ask): void {
    for (const limit of this.#limits?.actions[ask.action]?.max_requests ?? []) {
      if (ask.refusedBy.includes(requestLimitName(limit.per, limit.over_s))) continue;
      this.askWindow(ask.action, limit.per, limit.over_s).spend(
        atMs,
        askScope(limit.per, ask.principal),
        ask.count,
      );
    }
  }

  operation(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  operations(): IterableIterator<Operation> {
    return this.#operations.values();
  }

  /** Ids of what waits for its executor, in the order it was allowed; retries after. */
  waiting(action: string): IterableIterator<string> {
    return (this.#waiting.get(action) ?? new Set<string>()).values();
  }

  /** Behind all others that wait for an action; until the book is read anew. */
  putLast(action: string, ids: readonly string[]): void {
    const line = this.#waiting.get(action);
    for (const id of ids) if (line?.delete(id) === true) line.add(id);
  }

  /** Actions that something waits for. */
  waitingActions(): readonly string[] {
    return [...this.#waiting].filter(([, ids]) => ids.size > 0).map(([action]) => action);
  }

  hasWaiting(action: string): boolean {
    return (this.#waiting.get(action)?.size ?? 0) > 0;
  }

  /** Attempts on the wire or accepted, over all gates. */
  busy(action: string): number {
    return this.#busy.get(action) ?? 0;
  }

  inFlight(action: string): number {
    return this.#inFlight.get(action) ?? 0;
  }

  /** Of those in flight, how many have an outcome that nobody knows: no waiting ends them. */
  unknownInFlight(action: string): number {
    return this.#unknown.get(action) ?? 0;
  }

  setOperation(operation: Operation): void {
    const before = this.#operations.get(operation.id);
    if (before !== undefined) this.#count(before, -1);
    if (before?.phase === 'waiting' && operation.phase !== 'waiting')
      this.#waiting.get(operation.action)?.delete(operation.id);
    if (before?.phase !== 'waiting' && operation.phase === 'waiting') {
      const line = this.#waiting.get(operation.action) ?? new Set<string>();
      this.#waiting.set(operation.action, line.add(operation.id));
    }
    if (!holdsItsTargets(operation)) {
      this.#operations.delete(operation.id);
      return;
    }
    this.#operations.set(operation.id, operation);
    this.#count(operation, 1);
  }

  /** Of those that hold their targets, which are all that are kept: each of them is in flight. */
  #count(operation: Operation, by: 1 | -1): void {
    const { action } = operation;
    if (occupiesExecutor(operation)) this.#busy.set(action, this.busy(action) + by);
    this.#inFlight.set(action, this.inFlight(action) + by);
    if (operation.outcome === 'unknown') this.#unknown.set(action, this.unknownInFlight(action) + by);
  }
}

/** Undefined where it was not known when that was allowed: the kind did not declare the weight then, or a target lacked it. */
const amountOf = ({ weights }: Spend, weight: string): number | undefined => own(weights ?? {}, weight);

/** The scope in which a request limit counts: the principal's name, or one for all. */
export const askScope = (per: string, principal: string): string => (per === 'principal' ? principal : '');

/** How a request limit is named where a decision says that this very limit refused it. */
export const requestLimitName = (per: string, overS: number): string => `${per}/${overS}`;

const askKey = (action: string, per: string, overS: number): string =>
  `${action}\n${requestLimitName(per, overS)}`;
