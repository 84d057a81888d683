import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import { Fault } from '../kit/fault.ts';
import { own } from '../kit/own.ts';
import type { Limits } from '../policy/limits.ts';
import { readExceptionUses } from './exception-queries.ts';
import {
  readPrecedents,
  type EvidenceRow,
  type RolloutRow,
  type Wanted,
  type WantedEvidence,
} from './precedent-queries.ts';
import { evidenceAskedOf } from './asked-evidence.ts';
import { entryOf } from './entry-of.ts';
import type { Operation } from './operation.ts';
import { Rollout } from './rollout.ts';
import { SeenEvidence, type Evidence, type NamedEvidence } from './seen-evidence.ts';

/** What a request names that others named before it. */
export interface NamedByRequest {
  readonly action: string;
  readonly kind: string;
  readonly artifact?: string;
  readonly plan?: string;
  /** Of its targets, as far as they are known. */
  readonly ids: readonly string[];
  /** Of those that were resolved; empty before. */
  readonly labels: readonly Readonly<Record<string, string>>[];
}

/**
 * What was done and seen before of the artifacts and plans that a batch names: read before its jobs run, and changed by each as it
 * decides. Nothing of it outlives the batch. It is exact for the same reason as the book: it was read after the head, and what is
 * decided by it is written only on top of that head; whatever changes it elsewhere moves the head.
 */
export class Precedents {
  readonly #limits: Limits | undefined;
  readonly #evidence = new Map<string, SeenEvidence>();
  readonly #rollouts = new Map<string, Rollout>();
  readonly #plans = new Map<string, number | undefined>();
  /** Targets that were allowed under each exception, by its id. */
  readonly #uses = new Map<string, number>();

  constructor(limits: Limits | undefined) {
    this.#limits = limits;
  }

  /** Reads what is named and not known yet. Names that nothing is asked for by read nothing. */
  async read(db: Kysely<Database>, names: readonly NamedByRequest[]): Promise<void> {
    await this.#readUses(db, names);
    const wanted = this.#wanted(names);
    if (wanted.rollouts.length + wanted.plans.length === 0) return;
    const { evidence, rollouts, plans } = await readPrecedents(db, wanted);
    this.#learn(wanted.evidence, evidence);
    const found = new Map((rollouts ?? []).map(row => [keyOf(row.action, row.kind, row.artifact), row]));
    for (const { action, kind, artifact, ids } of wanted.rollouts) {
      const key = keyOf(action, kind, artifact);
      const row = found.get(key);
      const rollout = this.#rollouts.get(key) ?? toRollout(row, stageDimensions(this.#limits, action));
      this.#rollouts.set(key, rollout);
      // Hits are of the runs that the rows know; for one that began in this batch they are of the run before, or of none that counts.
      this.#seen(artifact);
      rollout.learn(ids, row?.hits ?? []);
    }
    for (const { action, name, highest } of plans ?? [])
      this.#plans.set(keyOf(action, name), highest ?? undefined);
  }

  /** Only the evidence of what one names: what is asked of what waits. */
  async readEvidence(
    db: Kysely<Database>,
    names: NamedByRequest & { readonly artifact: string },
  ): Promise<SeenEvidence> {
    const wanted = this.#wantedEvidence([names]);
    if (wanted.length > 0) {
      const { evidence } = await readPrecedents(db, { evidence: wanted, rollouts: [], plans: [] });
      this.#learn(wanted, evidence);
    }
    return this.#seen(names.artifact);
  }

  #learn(wanted: readonly WantedEvidence[], rows: readonly EvidenceRow[] | null): void {
    for (const one of wanted) this.#seen(one.artifact).look(toNamed(one));
    for (const row of rows ?? []) this.#seen(row.artifact).add(toEvidence(row));
  }

  async #readUses(db: Kysely<Database>, names: readonly NamedByRequest[]): Promise<void> {
    const ids = (this.#limits?.exceptions ?? [])
      .filter(({ id, action }) => !this.#uses.has(id) && names.some(one => one.action === action))
      .map(({ id }) => id);
    if (ids.length === 0) return;
    const uses = await readExceptionUses(db, ids);
    for (const id of ids) this.#uses.set(id, uses.get(id) ?? 0);
  }

  #seen(artifact: string): SeenEvidence {
    const seen = this.#evidence.get(artifact) ?? new SeenEvidence();
    this.#evidence.set(artifact, seen);
    return seen;
  }

  #wanted(names: readonly NamedByRequest[]): Wanted {
    const rollouts = new Map<
      string,
      { readonly one: NamedByRequest & { artifact: string }; readonly ids: Set<string> }
    >();
    const plans = new Map<string, { readonly action: string; readonly name: string }>();
    for (const one of names) {
      const { action, kind, artifact, plan } = one;
      if (plan !== undefined && !this.#plans.has(keyOf(action, plan)))
        plans.set(keyOf(action, plan), { action, name: plan });
      if (artifact === undefined) continue;
      const key = keyOf(action, kind, artifact);
      const known = rollouts.get(key) ?? { one: { ...one, artifact }, ids: new Set<string>() };
      rollouts.set(key, known);
      for (const id of one.ids) known.ids.add(id);
    }
    return {
      evidence: this.#wantedEvidence(names),
      rollouts: [...rollouts.values()].map(({ one: { action, kind, artifact }, ids }) => ({
        action,
        kind,
        artifact,
        dimensions: stageDimensions(this.#limits, action),
        ids: [...ids],
      })),
      plans: [...plans.values()],
    };
  }

  /** What was not looked at yet of what the limits ask for: of each artifact as a whole, and with `per` of each value that its targets have. */
  #wantedEvidence(names: readonly NamedByRequest[]): WantedEvidence[] {
    const wanted = new Map<string, WantedEvidence>();
    for (const { action, artifact, labels } of names) {
      if (artifact === undefined) continue;
      for (const { name, per } of evidenceAskedOf(this.#limits && entryOf(this.#limits, action))) {
        const values = per === undefined ? [] : new Set(labels.flatMap(all => own(all, per) ?? []));
        const whole = { artifact, name, dimension: '', value: '' };
        for (const one of [whole, ...[...values].map(value => ({ ...whole, dimension: per ?? '', value }))])
          if (this.#evidence.get(artifact)?.isLookedAt(toNamed(one)) !== true)
            wanted.set(keyOf(artifact, name, one.dimension, one.value), one);
      }
    }
    return [...wanted.values()];
  }

  /** Undefined for an artifact that nothing in the batch names; only what was looked at may be asked of it. */
  evidence(artifact: string): SeenEvidence | undefined {
    return this.#evidence.get(artifact);
  }

  /** Undefined for what no request of the batch names. */
  rollout(action: string, kind: string, artifact: string): Rollout | undefined {
    return this.#rollouts.get(keyOf(action, kind, artifact));
  }

  /** The highest generation that was ever allowed for an action and a plan. `known` is false where it was not looked up. */
  plan(action: string, name: string): { readonly known: boolean; readonly highest?: number } {
    const key = keyOf(action, name);
    const highest = this.#plans.get(key);
    return { known: this.#plans.has(key), ...(highest !== undefined && { highest }) };
  }

  /** Targets that were allowed under an exception, whatever became of them; undefined for one that no request of the batch can be asked under. */
  usedOf(exception: string): number | undefined {
    return this.#uses.get(exception);
  }

  /** An operation was allowed. @param opened targets that its stage holds; 0 where it has none */
  allow(operation: Operation, ids: readonly string[], opened: number): void {
    const { action, kind, artifact, plan, exception } = operation;
    if (exception !== undefined) {
      const used = this.usedOf(exception);
      if (used === undefined)
        throw new Fault('gate.failed', 'An allow under an exception that was not looked up.');
      this.#uses.set(exception, used + operation.targetCount);
    }
    if (artifact !== undefined) this.rollout(action, kind, artifact)?.allow(operation, ids, opened);
    if (plan === undefined) return;
    const { highest = 0 } = this.plan(action, plan.name);
    this.#plans.set(keyOf(action, plan.name), Math.max(highest, plan.generation));
  }

  /** What becomes of an operation changes. @returns whether something of it only the rows can tell now */
  change(before: Operation, after: Operation): boolean {
    const { action, kind, artifact } = after;
    if (artifact === undefined) return false;
    return this.rollout(action, kind, artifact)?.change(before, after) ?? false;
  }

  /** Somebody said something of an artifact. Kept of any: what waits for it may be looked at later in the batch. */
  add(artifact: string, evidence: Evidence): void {
    this.#seen(artifact).add(evidence);
  }
}

const keyOf = (...parts: readonly string[]): string => parts.join('\n');

/** The dimensions whose values some stage of an action counts. */
export function stageDimensions(limits: Limits | undefined, action: string): readonly string[] {
  const stages = (limits && entryOf(limits, action)?.stages) ?? [];
  return [...new Set(stages.flatMap(({ max_values }) => Object.keys(max_values ?? {})))];
}

const toNamed = ({ name, dimension, value }: WantedEvidence): NamedEvidence => ({
  name,
  ...(dimension !== '' && { dimension, value }),
});

const toEvidence = ({ artifact: _artifact, at_ms, dimension, value, ...row }: EvidenceRow): Evidence => ({
  ...row,
  atMs: at_ms,
  ...(dimension !== '' && { dimension, value }),
});

function toRollout(row: RolloutRow | undefined, dimensions: readonly string[]): Rollout {
  const values = new Map(
    dimensions.map(name => [name, { here: new Map<string, number>(), before: [] as string[] }]),
  );
  for (const { dimension, value, operations } of row?.reached_values ?? []) {
    if (operations > 0) values.get(dimension)?.here.set(value, operations);
    else values.get(dimension)?.before.push(value);
  }
  if (row === undefined) return new Rollout(undefined, undefined, values);
  const { run, total, total_ever, whole, reached, opened, reached_ever, unsettled, delivered_ms } = row;
  const { generation, generation_before } = row;
  const known = {
    run,
    total,
    totalEver: total_ever,
    whole: whole ?? 0,
    reached,
    opened: opened ?? 0,
    // While no limit named stages, a run may have reached a target twice.
    reachedEver: Math.max(reached_ever ?? 0, reached),
    unsettled,
    ...(delivered_ms !== null && { deliveredMs: Math.ceil(delivered_ms) }),
    ...(generation !== null && { generation }),
  };
  return new Rollout(known, generation_before ?? undefined, values);
}
