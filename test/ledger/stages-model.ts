import type { Evidence } from '../../src/ledger/seen-evidence.ts';

/* What happened in a rollout, as a list; each answer is counted from it anew. */

export const BAKES_MS = [1_000, 2_000, 1_000];
/** Shares of the total, at least so many, and how many regions. */
export const STAGES = [
  { percent: 10, atLeast: 2, regions: 1 },
  // Of 20 targets no more than the one before, of 40 one more.
  { percent: 14, atLeast: 0, regions: 1 },
  { percent: 50, atLeast: 0, regions: 2 },
  { percent: 80, atLeast: 0, regions: 2 },
] as const;

/** How many targets each stage holds: never fewer than the one before. */
export const holdsOf = (total: number): number[] =>
  STAGES.map((stage, index) =>
    Math.max(
      ...STAGES.slice(0, index + 1).map(one =>
        Math.max(Math.floor((one.percent * total) / 100), one.atLeast),
      ),
      stage.atLeast,
    ),
  );

export const regionOf = (id: string): string => (Number(id.slice(1)) % 2 === 0 ? 'eu' : 'us');

export interface ModelRequest {
  readonly by: string;
  readonly artifact: string;
  readonly ids: readonly string[];
  readonly generation: number | undefined;
}

export interface ModelOperation extends ModelRequest {
  readonly id: string;
  readonly run: number;
  readonly total: number;
  /** What its run had reached with it, when it was allowed. */
  readonly entered: number;
  outcome: 'pending' | 'unknown' | 'delivered' | 'refused';
  settledMs: number;
}

export interface ModelVerdict {
  readonly rules: readonly string[];
  readonly run: number;
  readonly total: number;
  readonly reached: number;
  /** It could begin a run, so that a part of it may be of another run. */
  readonly mayBegin: boolean;
}

export class StagesModel {
  readonly operations: ModelOperation[] = [];
  readonly evidence: (Omit<Evidence, 'seq'> & { readonly artifact: string })[] = [];
  total: number;
  nowMs: number;

  constructor(total: number, nowMs: number) {
    this.total = total;
    this.nowMs = nowMs;
  }

  judge(request: ModelRequest): ModelVerdict {
    const busy = this.operations.filter(isOpen).flatMap(({ ids }) => ids);
    const inTheWay = request.ids.some(id => busy.includes(id)) ? ['targets.in_operation'] : [];
    const verdict = this.#stage(request);
    return { ...verdict, rules: [...inTheWay, ...verdict.rules].toSorted() };
  }

  #stage(request: ModelRequest): ModelVerdict {
    const all = this.operations.filter(({ artifact }) => artifact === request.artifact);
    const last = Math.max(0, ...all.map(({ run }) => run));
    const here = all.filter(({ run }) => run === last);
    const isLater = (than: readonly ModelOperation[]): boolean =>
      request.generation !== undefined &&
      than.every(({ generation }) => generation === undefined || generation < (request.generation ?? 0));
    const again = request.ids.some(id =>
      here.some(one => one.outcome === 'delivered' && one.ids.includes(id)),
    );
    const mayBegin = last > 0 && isLater(all);
    const isFresh = (earlier: readonly ModelOperation[]): boolean =>
      request.ids.some(id => !earlier.some(one => one.outcome === 'delivered' && one.ids.includes(id)));
    if (last === 0 || (again && mayBegin))
      return {
        ...this.#fit(request, { here: [], all, total: this.total, isFresh: last > 0 && isFresh(here) }),
        run: last + 1,
        total: this.total,
        mayBegin,
      };
    const total = here[0]?.total ?? 0;
    const before = all.filter(({ run }) => run < last);
    const place = { run: last, total, mayBegin };
    if (again || (last > 1 && !isLater(before)))
      return { ...place, rules: ['stage.too_large'], reached: reachedBy(here).length };
    const justBefore = all.filter(({ run }) => run === last - 1);
    const isFreshHere = last > 1 && isFresh(justBefore);
    return { ...place, ...this.#fit(request, { here, all, total, isFresh: isFreshHere }) };
  }

  #fit(
    request: ModelRequest,
    {
      here,
      all,
      total,
      isFresh,
    }: {
      readonly here: readonly ModelOperation[];
      readonly all: readonly ModelOperation[];
      readonly total: number;
      readonly isFresh: boolean;
    },
  ): Pick<ModelVerdict, 'rules' | 'reached'> {
    const before = reachedBy(here);
    const ever = new Set(reachedBy(all));
    // In the first run, all that was ever reached was reached in it.
    const isNew = request.ids.some(id => !ever.has(id));
    const after = [...before, ...request.ids];
    const together = new Set([...ever, ...request.ids]);
    const holds = holdsOf(total);
    const entered = Math.min(before.length, here.at(-1)?.entered ?? 0);
    const found = holds.findIndex(count => count >= entered);
    const at = found < 0 ? STAGES.length - 1 : found;
    const fits = (index: number): boolean =>
      after.length <= (holds[index] ?? -1) &&
      // The first stage of a later run takes nothing new, however little was reached.
      (!isNew || index === 0 || together.size <= (holds[index] ?? -1)) &&
      new Set([...(isNew ? together : after)].map(regionOf)).size <= (STAGES[index]?.regions ?? 0);
    const reached = before.length;
    const isBarred = at === 0 && isFresh;
    const isFailing = reached > 0 && this.health(request) === 'failed';
    if (fits(at) && !isBarred && !isFailing) return { rules: [], reached };
    const next = holds.findIndex(count => count > Math.max(holds[at] ?? 0, before.length));
    const bakeMs = Math.max(...BAKES_MS.slice(at, next));
    const doors = next > 0 && reached > 0 ? this.#doors(request, all, bakeMs) : undefined;
    if (doors?.length === 0 && fits(next)) return { rules: [], reached };
    if (fits(at))
      return {
        rules: [...(isBarred ? ['stage.too_large'] : []), ...(isFailing ? ['stage.no_evidence'] : [])],
        reached,
      };
    const tooLarge = doors === undefined || !fits(next) ? ['stage.too_large'] : [];
    return { rules: [...tooLarge, ...(doors ?? [])], reached };
  }

  /** What keeps the next stage closed. */
  #doors(request: ModelRequest, all: readonly ModelOperation[], bakeMs: number): string[] {
    if (all.some(isOpen)) return ['stage.unsettled'];
    const lastMs = Math.max(...all.filter(one => one.outcome === 'delivered').map(one => one.settledMs));
    const baking = this.nowMs < lastMs + bakeMs ? ['stage.baking'] : [];
    const isWell = this.health(request, lastMs) === 'passed';
    return [...baking, ...(isWell ? [] : ['stage.no_evidence'])];
  }

  /** What others see of it: a pass of the whole, unless something since, of the whole or a region, was no pass. */
  health(request: ModelRequest, sinceMs = -1): Evidence['status'] | 'none' {
    const said = this.evidence.filter(
      ({ artifact, by }) => artifact === request.artifact && by !== request.by,
    );
    const passed = said.findLastIndex(({ value, status }) => value === undefined && status === 'passed');
    const since = said.slice(passed + 1).filter(({ status }) => status !== 'passed');
    if (since.some(({ status }) => status === 'failed')) return 'failed';
    if (since.length > 0) return 'unknown';
    return (said[passed]?.atMs ?? -1) > sinceMs ? 'passed' : 'none';
  }

  allow(id: string, request: ModelRequest, { run, total, reached }: ModelVerdict): void {
    const entered = reached + request.ids.length;
    this.operations.push({ ...request, id, run, total, entered, outcome: 'pending', settledMs: 0 });
  }
}

export const isOpen = ({ outcome }: ModelOperation): boolean =>
  outcome === 'pending' || outcome === 'unknown';

/** What was not refused, once for each operation. */
export const reachedBy = (operations: readonly ModelOperation[]): string[] =>
  operations.filter(({ outcome }) => outcome !== 'refused').flatMap(({ ids }) => ids);
