import { addEach } from '../kit/add-each.ts';
import { canonicalJson } from '../kit/canonical-json.ts';
import type { EntryType } from '../kit/entry-types.ts';
import { entryHash } from './chain.ts';
import type { Ask, Spend } from './book.ts';
import type { DecisionDocument } from './decision.ts';
import type { Operation } from './operation.ts';
import type { Evidence } from './seen-evidence.ts';

export interface EntryRow {
  readonly seq: number;
  readonly at: string;
  readonly type: EntryType;
  /** Canonical JSON; null for decisions, whose document is in `decisions`. */
  readonly body: string | null;
  readonly prev: string;
  readonly hash: string;
}

export interface DecisionRow {
  readonly id: string;
  readonly mode: 'request' | 'preflight';
  readonly seq: number | null;
  readonly decided_at: string;
  readonly principal: string;
  readonly action: string | null;
  readonly kind: string | null;
  readonly decision: DecisionDocument['decision'];
  readonly status: number;
  readonly rules: readonly string[];
  readonly idempotency_key: string | null;
  readonly holds_key: boolean;
  readonly body_digest: string;
  readonly targets_digest: string | null;
  readonly target_count: number | null;
  readonly document: string;
}

export interface HoldDraft {
  readonly kind: string;
  readonly target_id: string;
  readonly request_id: string;
  readonly action: string;
  readonly irreversible: boolean;
  readonly labels_digest: string;
  readonly state: string | null;
  readonly artifact: string | null;
  /** What the sources said of the target whose lines can show what was done; absent on a kind with one source. */
  readonly said_by?: Readonly<Record<string, string>>;
}

export interface EvidenceDraft {
  readonly seq: number;
  readonly principal: string;
  readonly artifact: string;
  readonly name: string;
  readonly status: Evidence['status'];
  /** Blank, as the value then is, for what is of the artifact as a whole. */
  readonly dimension: string;
  readonly value: string;
}

/** Everything one batch writes: all of it, or nothing. */
export class Draft {
  /** The head that the batch is computed from: it is written only on top of this one. */
  readonly before: { readonly version: number; readonly hash: string };
  nowMs: number;
  /** The time of every row of the batch. */
  at: string;
  /** The head's version once this batch is written. */
  readonly version: number;
  seq: number;
  hash: string;
  readonly entries: EntryRow[] = [];
  readonly decisions: DecisionRow[] = [];
  readonly targetSets = new Map<
    string,
    { readonly kind: string; readonly digest: string; readonly ids: readonly string[] }
  >();
  readonly operations = new Map<string, Operation>();
  /** Operations as they were when an outcome came to be, pending included. */
  readonly outcomes: Operation[] = [];
  readonly holds: HoldDraft[] = [];
  readonly evidence: EvidenceDraft[] = [];
  /** What was claimed: to be told when the batch is durable. */
  readonly claims: { becomeDurable(): void }[] = [];
  readonly settledHolds = new Map<string, 'done' | 'closed'>();
  /** Something was written that the book cannot follow: it is read anew. */
  rereadBook = false;
  /** The jobs that follow need what only the rows tell: they are the next turn's. */
  endsTurn = false;
  readonly #spends = new Map<string, Spend>();
  readonly #asks = new Map<string, { ask: Ask; count: number }>();

  constructor(
    head: { readonly version: number; readonly seq: number; readonly hash: string },
    nowMs: number,
  ) {
    this.before = { version: head.version, hash: head.hash };
    this.nowMs = nowMs;
    this.at = new Date(nowMs).toISOString();
    this.version = head.version + 1;
    this.seq = head.seq;
    this.hash = head.hash;
  }

  /** An operator accepted the database's time: the chain goes on from there, even backwards. */
  acceptTime(databaseMs: number): void {
    this.nowMs = databaseMs;
    this.at = new Date(databaseMs).toISOString();
  }

  /** Adds the next entry of the chain. */
  append(type: EntryType, body: unknown): EntryRow {
    return this.appendCanonical(type, canonicalJson(body));
  }

  /** As `append`, of a body in its canonical form; a decision's is kept in `decisions`. */
  appendCanonical(type: EntryType, text: string): EntryRow {
    const seq = this.seq + 1;
    const prev = this.hash;
    const hash = entryHash(seq, this.at, type, text, prev);
    const entry = { seq, at: this.at, type, body: type === 'decision' ? null : text, prev, hash };
    this.entries.push(entry);
    this.seq = seq;
    this.hash = hash;
    return entry;
  }

  /** Part of what an entry says: it is the caller's to append one. */
  setOperation(operation: Operation, before: Operation | undefined): void {
    this.operations.set(operation.id, operation);
    if (before?.outcome !== operation.outcome) this.outcomes.push(operation);
  }

  spend(spend: Spend): void {
    const { kind, action, principal, dimension, value, weights } = spend;
    // A sum with what was not weighed would be none: it is a row of its own.
    const key = JSON.stringify([kind, action, principal, dimension, value, ...Object.keys(weights ?? {})]);
    const before = this.#spends.get(key);
    this.#spends.set(key, before === undefined ? spend : addSpend(before, spend));
  }

  ask(ask: Ask): void {
    const key = JSON.stringify([ask.action, ask.principal, ask.refusedBy]);
    this.#asks.set(key, { ask, count: (this.#asks.get(key)?.count ?? 0) + ask.count });
  }

  spends(): readonly Spend[] {
    return [...this.#spends.values()];
  }

  asks(): readonly Ask[] {
    return [...this.#asks.values()].map(({ ask, count }) => ({ ...ask, count }));
  }

  /** Whether the head must move. Every change of what decisions rest on is an entry; a pre-flight's record is none. */
  movesHead(): boolean {
    return this.entries.length > 0;
  }

  isEmpty(): boolean {
    return this.entries.length === 0 && this.decisions.length === 0;
  }
}

const addSpend = (one: Spend, other: Spend): Spend => ({
  ...one,
  count: one.count + other.count,
  ...(other.weights && { weights: addEach(one.weights ?? {}, other.weights) }),
});
