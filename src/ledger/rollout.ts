import { Fault } from '../kit/fault.ts';
import { own } from '../kit/own.ts';
import { holdsItsTargets, type Operation } from './operation.ts';

/** What one run of an artifact has come to, as it is read and as the jobs of a batch change it. */
export interface Run {
  readonly run: number;
  /** All targets of the kind when the run began: what the counts of its stages are made of. */
  readonly total: number;
  /** The largest total of all runs up to now: of a fleet that has shrunk since, a stage held more than it holds now. */
  readonly totalEver: number;
  /** The largest total of a run whose last decision was let into a stage that held them all. */
  readonly whole: number;
  /** Targets of its operations that were neither refused nor stopped. */
  readonly reached: number;
  /** How many the stage of its last decision held: only a decision enters a stage, and not an executor that delivers what it had refused, nor other limits. */
  readonly opened: number;
  /** Distinct targets of all runs up to now, counted likewise. */
  readonly reachedEver: number;
  /** Operations that may still be carried out, or may have been; of the runs before, too. */
  readonly unsettled: number;
  /** The last delivery; of the runs before, too, which may be told of late. */
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
  /** Not in any run, nor was it on its way to them. */
  readonly never: number;
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
 * delivered in the run before: with others, also of runs before that, one later plan after the other would go round the stages. And what
 * no run reached is held against the targets of all runs together, or they would reach more than any stage holds.
 */
export class Rollout {
  #run: Run | undefined;
  /** The highest generation of the runs before. */
  #generationBefore: number | undefined;
  /** By dimension and value: how many operations of the run reach it. Only of the dimensions that a stage names. */
  readonly #values: ReadonlyMap<string, Map<string, number>>;
  /** By dimension: values that the runs before reached. */
  readonly #valuesBefore: ReadonlyMap<string, Set<string>>;
  /** Operations of the run that have each target, whatever became of them. Only of targets that a request of the batch names. */
  readonly #hits = new Map<string, Set<string>>();
  /** Targets that the artifact was delivered to in the run before, as far as requests of the batch name them. */
  readonly #early = new Set<string>();
  /** Targets that some run before reached, likewise. */
  readonly #before = new Set<string>();
  readonly #outcomes = new Map<string, Operation['outcome']>();
  readonly #known = new Set<string>();

  constructor(
    run: Run | undefined,
    generationBefore: number | undefined,
    values: ReadonlyMap<
      string,
      { readonly here: ReadonlyMap<string, number>; readonly before: readonly string[] }
    >,
  ) {
    this.#run = run;
    this.#generationBefore = generationBefore;
    this.#values = new Map([...values].map(([dimension, { here }]) => [dimension, new Map(here)]));
    this.#valuesBefore = new Map([...values].map(([dimension, { before }]) => [dimension, new Set(before)]));
  }

  /** Targets that were looked up, and the operations that have them, of all runs. */
  learn(ids: readonly string[], hits: readonly Hit[]): void {
    for (const id of ids) this.#known.add(id);
    for (const { id, operation, outcome, run } of hits) {
      if (this.#run === undefined || run < this.#run.run) {
        this.#before.add(id);
        if (run + 1 === this.#run?.run && outcome === 'delivered') this.#early.add(id);
        continue;
      }
      this.#hit(id, operation);
      // What a job of this batch has changed is newer.
      if (!this.#outcomes.has(operation)) this.#outcomes.set(operation, outcome);
    }
  }

  /** How many of these targets the artifact was delivered to, and when, and how many it never reached. @throws Fault where one was not looked up */
  delivered(ids: Iterable<string>): Delivered {
    let [again, early, never] = [0, 0, 0];
    for (const id of ids) {
      if (!this.#known.has(id)) throw new Fault('gate.failed', 'A target was not looked up in its rollout.');
      if (this.#isDelivered(id)) again += 1;
      if (this.#early.has(id)) early += 1;
      if (!this.#wasReached(id)) never += 1;
    }
    return { again, early, never };
  }

  #wasReached(id: string): boolean {
    const outcomes = [...(this.#hits.get(id) ?? [])].map(one => this.#outcomes.get(one));
    return this.#before.has(id) || outcomes.some(outcome => outcome !== undefined && isReached(outcome));
  }

  #isDelivered(id: string): boolean {
    return [...(this.#hits.get(id) ?? [])].some(one => this.#outcomes.get(one) === 'delivered');
  }

  /** @param again how many of its targets were delivered in the present run; `total` all of the kind now */
  placeOf(request: { readonly again: number; readonly total: number; readonly generation?: number }): Place {
    const { generation, total } = request;
    const run = this.#run;
    const next = runAfter(run, total);
    if (run === undefined) return { run: next, begins: true, mayBegin: false, barred: false };
    const mayBegin = isLater(generation, run.generation) && isLater(generation, this.#generationBefore);
    if (request.again > 0 && mayBegin) return { run: next, begins: true, mayBegin, barred: false };
    const barred = run.run > 1 && !isLater(generation, this.#generationBefore);
    return { run, begins: false, mayBegin, barred };
  }

  /**
   * Values of a dimension that the run has reached, and those of a request. A run that is about to begin has reached none.
   * @param ever whether what the runs before reached counts, too
   * @returns undefined where a target lacks the dimension, or was allowed before it was declared: it may be of any.
   * @throws Fault where the dimension was not looked up
   */
  valuesWith(place: Place, dimension: string, asked: Iterable<string>, ever: boolean): number | undefined {
    const reached = this.#values.get(dimension);
    const before = this.#valuesBefore.get(dimension);
    if (reached === undefined || before === undefined)
      throw new Fault('gate.failed', 'A dimension was not looked up in its rollout.');
    const values = new Set([
      ...(place.begins && !ever ? [] : reached.keys()),
      ...(ever ? before : []),
      ...asked,
    ]);
    return values.has(UNKNOWN) ? undefined : values.size;
  }

  /** An operation was allowed, where `placeOf` said. @param opened targets that its stage holds */
  allow(operation: Operation, ids: readonly string[], opened: number): void {
    const { run, runTotal } = operation;
    if (run === undefined || runTotal === undefined) return;
    if (run !== this.#run?.run) this.#begin(run, runTotal);
    const generation = later(operation.plan?.generation, this.#run?.generation);
    if (this.#run !== undefined && generation !== undefined) this.#run = { ...this.#run, generation };
    const more = ids.filter(id => !this.#wasReached(id)).length;
    this.#outcomes.set(operation.id, operation.outcome);
    for (const id of ids) this.#hit(id, operation.id);
    this.#count(operation, 1, more);
    if (this.#run === undefined) return;
    const { whole, total } = this.#run;
    this.#run = { ...this.#run, opened, whole: opened < total ? whole : Math.max(whole, total) };
  }

  /** What becomes of an operation changes. @returns whether only the rows can tell now what all runs reach together */
  change(before: Operation, after: Operation): boolean {
    if (this.#run === undefined || before.run === undefined) return false;
    const { run, unsettled } = this.#run;
    if (before.run < run) {
      const held = Number(holdsItsTargets(after)) - Number(holdsItsTargets(before));
      this.#run = { ...this.#run, unsettled: unsettled + held, ...lastDelivery(after, this.#run) };
    } else {
      this.#outcomes.set(after.id, after.outcome);
      this.#count(before, -1);
      this.#count(after, 1);
    }
    return run > 1 && isReached(before.outcome) !== isReached(after.outcome);
  }

  #begin(run: number, total: number): void {
    this.#generationBefore = later(this.#run?.generation, this.#generationBefore);
    this.#run = { ...runAfter(this.#run, total), run };
    for (const [dimension, counts] of this.#values) {
      for (const value of counts.keys()) this.#valuesBefore.get(dimension)?.add(value);
      counts.clear();
    }
    this.#early.clear();
    for (const id of this.#hits.keys()) {
      if (this.#isDelivered(id)) this.#early.add(id);
      if (this.#wasReached(id)) this.#before.add(id);
    }
    this.#hits.clear();
  }

  #hit(id: string, operation: string): void {
    const operations = this.#hits.get(id) ?? new Set();
    this.#hits.set(id, operations.add(operation));
  }

  /** @param more targets that no run has reached */
  #count(operation: Operation, by: 1 | -1, more = 0): void {
    if (this.#run === undefined) return;
    const { outcome, targetCount, dimensionValues } = operation;
    const { reached: before, reachedEver, unsettled, ...run } = this.#run;
    const reached = before + (isReached(outcome) ? by * targetCount : 0);
    this.#run = {
      ...run,
      reached,
      // Each once in the first run; in a later one who was reached before is not told by a number.
      reachedEver: run.run === 1 ? reached : reachedEver + more,
      unsettled: unsettled + (holdsItsTargets(operation) ? by : 0),
      ...(by === 1 && lastDelivery(operation, run)),
    };
    if (!isReached(outcome)) return;
    for (const [dimension, counts] of this.#values)
      for (const value of own(dimensionValues, dimension) ?? [UNKNOWN]) countValue(counts, value, by);
  }
}

/** A run in which nothing was reached yet, behind the one before it. */
const runAfter = (before: Run | undefined, total: number): Run => ({
  run: (before?.run ?? 0) + 1,
  total,
  totalEver: Math.max(total, before?.totalEver ?? 0),
  whole: before?.whole ?? 0,
  reached: 0,
  opened: 0,
  reachedEver: before?.reachedEver ?? 0,
  unsettled: before?.unsettled ?? 0,
});

/** What was refused or stopped is no part of a stage. */
const isReached = (outcome: Operation['outcome']): boolean => outcome !== 'refused' && outcome !== 'stopped';

function lastDelivery(
  { outcome, settledAtMs }: Operation,
  { deliveredMs }: Pick<Run, 'deliveredMs'>,
): Pick<Run, 'deliveredMs'> {
  const last = later(outcome === 'delivered' ? settledAtMs : undefined, deliveredMs);
  return last === undefined ? {} : { deliveredMs: last };
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
