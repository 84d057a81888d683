import { Fault } from '../kit/fault.ts';
import { holdsItsTargets, type Operation } from './operation.ts';

/** What one run of an artifact has come to, as it is read and as the jobs of a batch change it. */
export interface Run {
  readonly run: number;
  /** All targets of the kind when the run began: what the counts of its stages are made of. */
  readonly total: number;
  /** Targets of its operations that were neither refused nor stopped. */
  readonly reached: number;
  /** Operations that may still be carried out, or may have been; of the runs before, too. */
  readonly unsettled: number;
  readonly deliveredMs?: number;
  /** The highest plan generation that was allowed in it, refused or stopped since or not. */
  readonly generation?: number;
}

/** A target that an operation of a run has, and what became of that. */
export interface Hit {
  readonly id: string;
  readonly operation: string;
  readonly outcome: Operation['outcome'];
  readonly run: number;
}

/** How many of some targets the artifact was delivered to. */
export interface Delivered {
  /** In the present run. */
  readonly again: number;
  /** In the run before it. */
  readonly early: number;
}

/** Where in a rollout a request would be. */
export interface Place {
  readonly run: Run;
  /** It would begin this run: targets were reached before, and its plan is later than all before. */
  readonly begins: boolean;
  /** Its plan is later than all before: with a target that was reached before, it would begin a run. */
  readonly mayBegin: boolean;
  /** A later run is under way, and its plan is not later than the runs before. */
  readonly barred: boolean;
}

/**
 * One artifact and one action. A target is reached once in a run; a further run, the way back, begins where a later plan
 * reaches a target again, and from then on only plans as late as that are let into it. Its first stage takes only targets that were
 * delivered in the run before: with others, also of runs before that, one later plan after the other would go round the stages.
 */
export class Rollout {
  #run: Run | undefined;
  /** The highest generation of the runs before. */
  #generationBefore: number | undefined;
  /** By dimension and value: how many operations of the run reach it. Only of the dimensions that a stage names. */
  #values: Map<string, Map<string, number>>;
  /** Operations of the run that have each target, whatever became of them. Only of targets that a request of the batch names. */
  readonly #hits = new Map<string, Set<string>>();
  /** Targets that the artifact was delivered to in the run before, as far as requests of the batch name them. */
  readonly #early = new Set<string>();
  readonly #outcomes = new Map<string, Operation['outcome']>();
  readonly #known = new Set<string>();

  constructor(
    run: Run | undefined,
    generationBefore: number | undefined,
    values: ReadonlyMap<string, ReadonlyMap<string, number>>,
  ) {
    this.#run = run;
    this.#generationBefore = generationBefore;
    this.#values = new Map([...values].map(([dimension, counts]) => [dimension, new Map(counts)]));
  }

  /** Targets that were looked up, and the operations of the present run and of the one before that have them. */
  learn(ids: readonly string[], hits: readonly Hit[]): void {
    for (const id of ids) this.#known.add(id);
    for (const { id, operation, outcome, run } of hits) {
      if (this.#run === undefined || run < this.#run.run) {
        if (run + 1 === this.#run?.run && outcome === 'delivered') this.#early.add(id);
        continue;
      }
      this.#hit(id, operation);
      // What a job of this batch has changed is newer.
      if (!this.#outcomes.has(operation)) this.#outcomes.set(operation, outcome);
    }
  }

  /** How many of these targets the artifact was delivered to, and when. @throws Fault where one was not looked up */
  delivered(ids: Iterable<string>): Delivered {
    let [again, early] = [0, 0];
    for (const id of ids) {
      if (!this.#known.has(id)) throw new Fault('gate.failed', 'A target was not looked up in its rollout.');
      if (this.#isDelivered(id)) again += 1;
      if (this.#early.has(id)) early += 1;
    }
    return { again, early };
  }

  #isDelivered(id: string): boolean {
    return [...(this.#hits.get(id) ?? [])].some(one => this.#outcomes.get(one) === 'delivered');
  }

  /** @param again how many of its targets were delivered in the present run; `total` all of the kind now */
  placeOf(request: { readonly again: number; readonly total: number; readonly generation?: number }): Place {
    const { generation, total } = request;
    const run = this.#run;
    const fresh = { total, reached: 0, unsettled: run?.unsettled ?? 0 };
    if (run === undefined) return { run: { ...fresh, run: 1 }, begins: true, mayBegin: false, barred: false };
    const mayBegin = isLater(generation, run.generation) && isLater(generation, this.#generationBefore);
    if (request.again > 0 && mayBegin)
      return { run: { ...fresh, run: run.run + 1 }, begins: true, mayBegin, barred: false };
    const barred = run.run > 1 && !isLater(generation, this.#generationBefore);
    return { run, begins: false, mayBegin, barred };
  }

  /**
   * Values of a dimension that the run has reached, and those of a request. A run that is about to begin has reached none. Undefined where a
   * target lacks the dimension, or was allowed before it was declared: it may be of any.
   * @throws Fault where the dimension was not looked up
   */
  valuesWith(place: Place, dimension: string, asked: Iterable<string>): number | undefined {
    const reached = this.#values.get(dimension);
    if (reached === undefined)
      throw new Fault('gate.failed', 'A dimension was not looked up in its rollout.');
    const values = new Set([...(place.begins ? [] : reached.keys()), ...asked]);
    return values.has(UNKNOWN) ? undefined : values.size;
  }

  /** An operation was allowed, where `placeOf` said. */
  allow(operation: Operation, ids: readonly string[]): void {
    const { run, runTotal } = operation;
    if (run === undefined || runTotal === undefined) return;
    if (run !== this.#run?.run) this.#begin(run, runTotal);
    const generation = later(operation.plan?.generation, this.#run?.generation);
    if (this.#run !== undefined && generation !== undefined) this.#run = { ...this.#run, generation };
    this.#outcomes.set(operation.id, operation.outcome);
    for (const id of ids) this.#hit(id, operation.id);
    this.#count(operation, 1);
  }

  /** What becomes of an operation changes. */
  change(before: Operation, after: Operation): void {
    if (this.#run === undefined || before.run === undefined) return;
    if (before.run < this.#run.run) {
      const unsettled =
        this.#run.unsettled + Number(holdsItsTargets(after)) - Number(holdsItsTargets(before));
      this.#run = { ...this.#run, unsettled };
      return;
    }
    this.#outcomes.set(after.id, after.outcome);
    this.#count(before, -1);
    this.#count(after, 1);
  }

  #begin(run: number, total: number): void {
    this.#generationBefore = later(this.#run?.generation, this.#generationBefore);
    this.#run = { run, total, reached: 0, unsettled: this.#run?.unsettled ?? 0 };
    this.#values = new Map([...this.#values.keys()].map(dimension => [dimension, new Map()]));
    this.#early.clear();
    for (const id of this.#hits.keys()) if (this.#isDelivered(id)) this.#early.add(id);
    this.#hits.clear();
  }

  #hit(id: string, operation: string): void {
    const operations = this.#hits.get(id) ?? new Set();
    this.#hits.set(id, operations.add(operation));
  }

  #count(operation: Operation, by: 1 | -1): void {
    if (this.#run === undefined) return;
    const { outcome, settledAtMs, targetCount, dimensionValues } = operation;
    const { reached, unsettled, ...run } = this.#run;
    const isReached = outcome !== 'refused' && outcome !== 'stopped';
    const last = later(outcome === 'delivered' && by === 1 ? settledAtMs : undefined, run.deliveredMs);
    this.#run = {
      ...run,
      reached: reached + (isReached ? by * targetCount : 0),
      unsettled: unsettled + (holdsItsTargets(operation) ? by : 0),
      ...(last !== undefined && { deliveredMs: last }),
    };
    if (!isReached) return;
    for (const [dimension, counts] of this.#values)
      for (const value of dimensionValues[dimension] ?? [UNKNOWN]) countValue(counts, value, by);
  }
}

/** Of a target that lacks a dimension. */
const UNKNOWN = '';

function countValue(counts: Map<string, number>, value: string, by: 1 | -1): void {
  const count = (counts.get(value) ?? 0) + by;
  if (count > 0) counts.set(value, count);
  else counts.delete(value);
}

/** Nothing is later than something, and a plan is later than none. */
const isLater = (generation: number | undefined, than: number | undefined): boolean =>
  generation !== undefined && (than === undefined || generation > than);

const later = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || (other !== undefined && other > one) ? other : one;
