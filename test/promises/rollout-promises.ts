import type { ActionName } from './gates.ts';
import {
  Inventory,
  isShownBy,
  sameLabels,
  weightsOf,
  type Declared,
  type Row,
  type Shown,
} from './sources.ts';
import { within, type Share } from './said.ts';
import { isBusy, Story, type Asked, type Seen, type Sent, type Stopping, type Told } from './story.ts';

/* What an operator takes stages, sources and weights to mean together, held against what happened. */

/** By `fleet` or a dimension. */
type Shares = Readonly<Record<string, Share>>;

export interface SpentSaid {
  readonly per: 'fleet' | 'region' | 'rack';
  readonly overS: number;
  readonly targets?: number;
  readonly share?: Share;
  readonly weight?: readonly [name: string, most: Share];
}

export interface StageSaid {
  readonly upto: Share;
  readonly values?: Readonly<Record<string, number>>;
  readonly bakeS: number;
}

export interface RolloutEntry {
  readonly maxTargets: number;
  readonly maxShare: Shares;
  readonly maxWeight: Readonly<Record<string, Shares>>;
  readonly maxValues?: Readonly<Record<string, number>>;
  readonly minRemaining?: Readonly<Record<string, number>>;
  readonly states?: readonly string[];
  readonly windows: readonly SpentSaid[];
  readonly stages?: readonly StageSaid[];
}

export interface RolloutSaid {
  readonly declared: Declared;
  readonly actions: Readonly<Record<ActionName, RolloutEntry>>;
  readonly budgets: readonly SpentSaid[];
  readonly protectedRacks: readonly string[];
}

export interface RolloutAsked extends Asked {
  readonly asserts?: Readonly<Record<string, string>>;
  /** How its ids were named, if not one by one. */
  readonly selector?: Readonly<Record<string, string>>;
}

export interface Operation extends RolloutAsked, Told {
  readonly rows: ReadonlyMap<string, Row>;
  readonly revision: string;
  wasRefused: boolean;
  /** Of which the inventory has shown what was done: for sure, or as one may read it. */
  readonly shown: Map<string, 'yes' | 'maybe'>;
  /** The kind was declared anew since. */
  isOld: boolean;
  /** Something stood against sending it, so that it may be given up. */
  mayStop: boolean;
  readonly run: number;
  /** Of the kind, when its run began. */
  readonly total: number;
  /** How many the stage that it was allowed into held; 0 without stages. */
  readonly opened: number;
}

const isAlive = ({ state }: Operation): boolean => state !== 'refused' && state !== 'stopped';

const valueOf = (per: string, row: Row): string | undefined => (per === 'fleet' ? '' : row.labels[per]);

/** What stands against a request: for sure, and as one may read it. */
export interface Against {
  readonly sure: ReadonlySet<string>;
  readonly maybe: ReadonlySet<string>;
}

export class RolloutPromises extends Story<Operation> {
  said: RolloutSaid;
  revision: string;
  readonly inventory: Inventory;

  constructor(said: RolloutSaid, nowMs: number) {
    super(nowMs);
    this.said = said;
    this.revision = JSON.stringify(said);
    this.inventory = new Inventory(said.declared);
  }

  /** Notes what may be given up by now. */
  watch(): void {
    for (const one of this.operations)
      if (one.state === 'waiting') one.mayStop ||= this.againstSending(one, sentFor(one)).length > 0;
  }

  override catchUp(): void {
    super.catchUp();
    this.watch();
  }

  maySend(one: Operation): boolean {
    return this.againstSending(one, sentFor(one)).length === 0;
  }

  limits(said: RolloutSaid): void {
    if (said.declared !== this.said.declared) {
      this.inventory.declare(said.declared);
      for (const one of this.operations) one.isOld = true;
    }
    this.said = said;
    this.revision = JSON.stringify(said);
    this.watch();
  }

  get #rows(): ReadonlyMap<string, Row> {
    return this.inventory.rows;
  }

  // What the inventory shows.

  loaded(shown: Shown): void {
    const { source, asOfMs, named, isFirst } = shown;
    this.watch();
    const ownsState = source.labels.includes('state');
    for (const one of this.operations) {
      if (one.state !== 'delivered' || asOfMs <= one.settledMs) continue;
      const show = (id: string, how: 'yes' | 'maybe'): void => {
        if (one.shown.get(id) !== 'yes') one.shown.set(id, how);
      };
      for (const [id, then] of one.rows) {
        const now = this.#rows.get(id);
        if (now === undefined) {
          if (source.exists) show(id, 'yes');
          continue;
        }
        if (!named.has(id) || !(ownsState || source.exists)) continue;
        if (one.action !== 'disk.wipe') {
          if (ownsState) show(id, isFirst && one.isOld ? 'maybe' : 'yes');
          continue;
        }
        const how = isShownBy(source, then, now);
        if (one.isOld) show(id, 'maybe');
        else if (how === 'otherwise') show(id, 'yes');
      }
    }
  }

  override settled(operation: Operation, state: 'delivered' | 'refused'): void {
    super.settled(operation, state);
    operation.wasRefused ||= state === 'refused';
  }

  protected override againstSending(one: Operation, sent: Sent): string[] {
    const { action, ids } = one;
    const others = this.operations.filter(other => other !== one);
    const wrong = this.againstSendingAny(one, sent);
    const no = (what: string, isSo: boolean): void => void (isSo && wrong.push(what));
    no('other limits', one.revision !== this.revision);
    no('stale', this.inventory.isStale(this.nowMs));
    no(
      'drifted',
      [...one.rows].some(([id, then]) => !sameLabels(then, this.#rows.get(id))),
    );
    no(
      'done already',
      action === 'disk.wipe' && others.some(other => ids.some(id => this.#isDone(other, id) === 'sure')),
    );
    // A newest word of failed, said since, holds what waits.
    if (this.said.actions[action].stages !== undefined) {
      const health = this.#health(one);
      no('seen to fail', health?.status === 'failed' && health.order > one.seq);
    }
    return wrong;
  }

  override isStoppedBy({ action, region, rack, except }: Stopping, one: Asked): boolean {
    if (except.includes(one.by)) return false;
    if (action !== undefined) return action === one.action;
    if (region === undefined && rack === undefined) return true;
    const [name, value] = region === undefined ? (['rack', rack] as const) : (['region', region] as const);
    // What nobody has said may be of that value.
    return one.ids.some(id => {
      const row = this.#rows.get(id);
      return row !== undefined && (row.labels[name] ?? value) === value;
    });
  }

  // What must not be allowed.

  #isDone(one: Operation, id: string): 'sure' | 'maybe' | undefined {
    if (one.action !== 'disk.wipe' || !one.ids.includes(id)) return undefined;
    if (one.state === 'unknown') return 'sure';
    if (one.state !== 'delivered') return undefined;
    const shown = one.shown.get(id);
    return shown === undefined ? 'sure' : shown === 'maybe' ? 'maybe' : undefined;
  }

  /** Whether a target may be out of service by what was allowed. */
  #taken(id: string): 'sure' | 'maybe' | undefined {
    let found: 'maybe' | undefined;
    for (const one of this.operations) {
      if (!one.ids.includes(id)) continue;
      const shown = one.shown.get(id);
      if (isBusy(one) || (one.state === 'delivered' && shown === undefined)) return 'sure';
      if (one.state === 'delivered' && shown === 'maybe') found = 'maybe';
    }
    return found;
  }

  against(asked: RolloutAsked): Against {
    const { action, ids } = asked;
    const sure = new Set<string>();
    const maybe = new Set<string>();
    const no = (rule: string, isSo: boolean | 'sure' | 'maybe' | undefined): void => {
      if (isSo === 'maybe') maybe.add(rule);
      else if (isSo === true || isSo === 'sure') sure.add(rule);
    };
    no('clock.jumped', this.jumped);
    if (sure.size > 0) return { sure, maybe };
    no('inventory.stale', this.inventory.isStale(this.nowMs));
    no(
      'targets.unknown',
      ids.some(id => !this.#rows.has(id)),
    );
    const own = ids.map(id => this.#rows.get(id)).filter(row => row !== undefined);
    for (const [label, value] of Object.entries(asked.asserts ?? {}))
      no(
        'targets.assertion_failed',
        own.some(({ labels }) => labels[label] !== value),
      );
    if (sure.size > 0) return { sure, maybe };
    const entry = this.said.actions[action];
    no(
      'kill_switch.engaged',
      this.engaged.some(each => this.isStoppedBy(each, asked)),
    );
    no(
      'targets.in_operation',
      this.operations.some(one => isBusy(one) && one.ids.some(id => ids.includes(id))),
    );
    for (const one of this.operations)
      if (action === 'disk.wipe') for (const id of ids) no('targets.already_done', this.#isDone(one, id));
    no(
      'protected.target',
      this.said.protectedRacks.length > 0 &&
        own.some(({ labels: { rack } }) => rack === undefined || this.said.protectedRacks.includes(rack)),
    );
    this.#size(entry, own, no);
    no('blast_radius.min_remaining', this.#remaining(entry, asked));
    for (const [limits, of] of [
      [entry.windows, action],
      [this.said.budgets, undefined],
    ] as const)
      for (const limit of limits) no('budget.window', this.#isOver(limit, own, of));
    no(
      'labels.not_allowed',
      entry.states !== undefined &&
        own.some(({ labels }) => entry.states?.includes(labels['state'] ?? '') !== true),
    );
    no('stage', this.stage(asked));
    return { sure, maybe };
  }

  #size(entry: RolloutEntry, own: readonly Row[], no: (rule: string, isSo: boolean) => void): void {
    const fleet = [...this.#rows.values()];
    const here = (rows: readonly Row[], per: string, value: string | undefined): Row[] =>
      rows.filter(row => valueOf(per, row) === value);
    const valuesOf = (per: string): (string | undefined)[] => [...new Set(own.map(row => valueOf(per, row)))];
    no('blast_radius.max_targets', own.length > entry.maxTargets);
    for (const [per, limit] of Object.entries(entry.maxShare))
      for (const value of valuesOf(per))
        no(
          'blast_radius.share',
          value === undefined || !within(here(own, per, value).length, here(fleet, per, value).length, limit),
        );
    for (const [name, shares] of Object.entries(entry.maxWeight))
      for (const [per, limit] of Object.entries(shares)) {
        no(
          'blast_radius.weight',
          own.some(({ weights }) => weights[name] === undefined),
        );
        for (const value of valuesOf(per))
          no(
            'blast_radius.weight',
            value === undefined ||
              !within(sumOf(name, here(own, per, value)), sumOf(name, here(fleet, per, value)), limit),
          );
      }
    for (const [per, most] of Object.entries(entry.maxValues ?? {}))
      no('blast_radius.max_values', valuesOf(per).includes(undefined) || valuesOf(per).length > most);
  }

  #remaining({ minRemaining = {} }: RolloutEntry, { ids }: RolloutAsked): 'sure' | 'maybe' | undefined {
    let found: 'maybe' | undefined;
    const mayServe = ({ labels }: Row): boolean => (labels['state'] ?? 'serving') === 'serving';
    const own = ids.flatMap(id => this.#rows.get(id) ?? []);
    for (const [per, least] of Object.entries(minRemaining)) {
      if (own.some(row => valueOf(per, row) === undefined))
        if (own.some(row => valueOf(per, row) === undefined && mayServe(row))) return 'sure';
        else found = 'maybe';
      for (const value of new Set(own.filter(mayServe).map(row => valueOf(per, row)))) {
        const stay = [...this.#rows].filter(
          ([id, row]) =>
            valueOf(per, row) === value && row.labels['state'] === 'serving' && !ids.includes(id),
        );
        const left = (gone: readonly unknown[]): number =>
          stay.filter(([id]) => !gone.includes(this.#taken(id))).length;
        if (left(['sure']) < least) return 'sure';
        // What of those is taken whose state nobody has said may be told as one that served.
        const untold = [...this.#rows].filter(
          ([id, row]) =>
            valueOf(per, row) === value &&
            row.labels['state'] === undefined &&
            (ids.includes(id) || this.#taken(id) !== undefined),
        ).length;
        if (left(['sure', 'maybe']) - untold < least) found = 'maybe';
      }
    }
    return found;
  }

  #isOver(
    limit: SpentSaid,
    own: readonly Row[],
    action: ActionName | undefined,
  ): 'sure' | 'maybe' | undefined {
    const { per, overS, targets, share, weight } = limit;
    const counted = this.operations
      .filter(one => this.nowMs < one.atMs + overS * 1000 && (action === undefined || one.action === action))
      .flatMap(({ rows }) => [...rows.values()]);
    let found: 'maybe' | undefined;
    for (const value of new Set(own.map(row => valueOf(per, row)))) {
      if (value === undefined) return 'sure';
      const here = (rows: readonly Row[]): Row[] => rows.filter(row => valueOf(per, row) === value);
      // What nobody knew the value of may have been of this one.
      const before = counted.filter(row => (valueOf(per, row) ?? value) === value);
      const isUnsure = before.some(row => valueOf(per, row) === undefined);
      const [mine, all] = [here(own), here([...this.#rows.values()])];
      if (weight === undefined) {
        const used = before.length + mine.length;
        const fits =
          targets === undefined ? share === undefined || within(used, all.length, share) : used <= targets;
        if (isUnsure || !fits) return 'sure';
        continue;
      }
      const [name, most] = weight;
      const isUnweighed = before.some(({ weights }) => weights[name] === undefined);
      if (mine.some(({ weights }) => weights[name] === undefined) || sumOf(name, all) === 0) return 'sure';
      // Of what carries nothing a window on the weight holds nothing; where what it has taken is not known, it may say no to that, too.
      if (sumOf(name, mine) > 0) {
        const used = sumOf(name, before) + sumOf(name, mine);
        if (isUnsure || isUnweighed || !within(used, sumOf(name, all), most)) return 'sure';
      } else if (isUnsure || isUnweighed) found = 'maybe';
    }
    return found;
  }

  // Stages.

  /** Of others, the newest word on its health: a pass is of the whole, and anything else may be of a part. */
  #health({ artifact, by }: Asked): Seen | undefined {
    const others = this.seen.filter(
      one => one.artifact === artifact && one.name === 'health' && one.by !== by,
    );
    const passed = others.findLast(({ status, of }) => status === 'passed' && of === undefined);
    const since = others.filter(one => one.status !== 'passed' && one.order > (passed?.order ?? 0));
    return since.findLast(({ status }) => status === 'failed') ?? since.at(-1) ?? passed;
  }

  #runOf(asked: RolloutAsked): { run: number; isBegun: boolean; total: number } {
    const all = this.operations.filter(one => one.action === asked.action && one.artifact === asked.artifact);
    const run = Math.max(0, ...all.map(one => one.run));
    const here = all.filter(one => one.run === run);
    const again = here.some(one => one.state === 'delivered' && one.ids.some(id => asked.ids.includes(id)));
    const total = this.#rows.size;
    if (run === 0) return { run: 1, isBegun: true, total };
    if (again && isLater(asked, all)) return { run: run + 1, isBegun: true, total };
    return { run, isBegun: false, total: here[0]?.total ?? 0 };
  }

  /** Whether stages stand against it. */
  stage(asked: RolloutAsked): 'sure' | 'maybe' | undefined {
    const { stages } = this.said.actions[asked.action];
    if (stages === undefined) return undefined;
    if (asked.artifact === undefined) return 'sure';
    const all = this.operations.filter(one => one.action === asked.action && one.artifact === asked.artifact);
    const { run, isBegun, total } = this.#runOf(asked);
    const here = isBegun ? [] : all.filter(one => one.run === run);
    const before = all.filter(one => one.run < run);
    const delivered = (some: readonly Operation[]): Set<string> =>
      new Set(some.filter(({ state }) => state === 'delivered').flatMap(({ ids }) => ids));
    // Done there already, and no way back.
    if (asked.ids.some(id => delivered(here).has(id))) return 'sure';
    if (run > 1 && !isLater(asked, before)) return 'sure';
    const justBefore = delivered(all.filter(one => one.run === run - 1));
    const isFresh = run > 1 && asked.ids.some(id => !justBefore.has(id));

    const reachedHere = reached(here);
    const ever = reached(all);
    const after = join(reachedHere, asked, this.#rows);
    const together = join(ever, asked, this.#rows);
    const isNew = together.size > ever.size;
    const holds = holdsOf(stages, total);
    // Limits that are made smaller have a stage over-full, and let nothing into the next.
    const entered = Math.max(0, ...holds.filter(count => count <= (here.at(-1)?.opened ?? 0)));
    const at = holds.findIndex(count => count >= Math.min(reachedHere.size, entered));
    const isOver = reachedHere.size > Math.max(...holds);
    const fits = (index: number): boolean => {
      const stage = stages[index];
      if (stage === undefined || after.size > (holds[index] ?? -1)) return false;
      // What comes new in a later run is held against all that was ever reached.
      if (run > 1 && isNew && index > 0 && together.size > (holds[index] ?? -1)) return false;
      const rows = [...(run > 1 && isNew ? together : after).values()];
      return Object.entries(stage.values ?? {}).every(([per, most]) => {
        const values = new Set(rows.map(row => valueOf(per, row)));
        return !values.has(undefined) && values.size <= most;
      });
    };
    const health = this.#health(asked);
    const isFailing = reachedHere.size > 0 && health?.status === 'failed';
    // Which stage it has come to is told by allows; what was refused and came after all enters none. How one tells it is not said.
    const isUnclear = all.some(one => one.wasRefused && one.state === 'delivered');
    const lacks = stages.some(({ values = {} }) =>
      Object.keys(values).some(per => [...after.values()].some(row => valueOf(per, row) === undefined)),
    );
    // Asked for again while it is under way: it is refused for that, and may be told as more of the stage.
    const isTwice = asked.ids.some(id => reachedHere.has(id));
    const isWithin = !isOver && fits(at) && !(at === 0 && isFresh) && !isFailing;
    if (isWithin) return isUnclear || isTwice || lacks ? 'maybe' : undefined;
    const next = holds.findIndex(count => count > Math.max(holds[at] ?? 0, reachedHere.size));
    const isOpen =
      !isOver &&
      next > 0 &&
      reachedHere.size > 0 &&
      fits(next) &&
      !this.#isShut(all, health, Math.max(...stages.slice(at, next).map(({ bakeS }) => bakeS)));
    if (isOpen) return isUnclear || isTwice || lacks ? 'maybe' : undefined;
    return isUnclear && !this.#isShut(all, health, 0) ? 'maybe' : 'sure';
  }

  #isShut(all: readonly Operation[], health: Seen | undefined, bakeS: number): boolean {
    const lastMs = Math.max(...all.filter(({ state }) => state === 'delivered').map(one => one.settledMs));
    return (
      all.some(isBusy) ||
      this.nowMs < lastMs + bakeS * 1000 ||
      health?.status !== 'passed' ||
      health.atMs <= lastMs
    );
  }

  /** A request was answered. */
  answered(
    asked: RolloutAsked,
    {
      id,
      decision,
      rules,
    }: { readonly id: string; readonly decision: string; readonly rules: readonly string[] },
  ): void {
    const { sure, maybe } = this.against(asked);
    const told = [...new Set(rules.map(rule => (rule.startsWith('stage.') ? 'stage' : rule)))];
    const missed = [...sure].filter(rule => !told.includes(rule));
    const made = told.filter(rule => !sure.has(rule) && !maybe.has(rule));
    if (
      (decision === 'allowed' && sure.size > 0) ||
      (decision !== 'allowed' && missed.length + made.length > 0)
    )
      this.wrong.push(
        `${decision} ${id} ${JSON.stringify(asked)} by [${rules.join()}]: against it are [${[...sure].join()}], maybe [${[...maybe].join()}]`,
      );
    if (decision !== 'allowed') return;
    const { run, total } = this.#runOf(asked);
    const { stages = [] } = this.said.actions[asked.action];
    const here = this.operations.filter(
      one => one.action === asked.action && one.artifact === asked.artifact && one.run === run,
    );
    const after = new Set([...reached(here).keys(), ...asked.ids]);
    this.operations.push({
      ...asked,
      id,
      atMs: this.nowMs,
      rows: new Map(
        asked.ids.flatMap(each => {
          const row = this.#rows.get(each);
          return row === undefined ? [] : [[each, row] as const];
        }),
      ),
      revision: this.revision,
      state: 'waiting',
      wasUnknown: false,
      wasRefused: false,
      came: [],
      settledMs: 0,
      shown: new Map(),
      isOld: false,
      mayStop: false,
      seq: this.order(),
      run,
      total,
      opened: holdsOf(stages, total).find(count => count >= after.size) ?? 0,
    });
  }

  override accepted(atMs: number): void {
    super.accepted(atMs);
    this.inventory.accepted(atMs);
  }

  get weights(): string[] {
    return weightsOf(this.said.declared);
  }
}

const sentFor = ({ action, by, ids }: Operation): Sent => ({
  action,
  principal: by,
  targets: [...ids].toSorted(),
});

const sumOf = (name: string, rows: readonly Row[]): number =>
  rows.reduce((sum, { weights }) => sum + (weights[name] ?? 0), 0);

const isLater = ({ generation }: RolloutAsked, than: readonly RolloutAsked[]): boolean =>
  generation !== undefined && than.every(one => one.generation === undefined || one.generation < generation);

/** Distinct targets that were not refused, each as it was. */
const reached = (operations: readonly Operation[]): Map<string, Row> =>
  new Map(operations.filter(isAlive).flatMap(({ rows }) => [...rows]));

const join = (
  some: ReadonlyMap<string, Row>,
  { ids }: RolloutAsked,
  rows: ReadonlyMap<string, Row>,
): Map<string, Row> =>
  new Map([
    ...some,
    ...ids.map(id => [id, some.get(id) ?? rows.get(id) ?? { labels: {}, weights: {} }] as const),
  ]);

export const holdsOf = (stages: readonly StageSaid[], total: number): number[] => {
  let most = 0;
  return stages.map(({ upto: { ppm, atLeast = 0 } }) => {
    most = Math.max(most, Math.floor((ppm * total) / 1_000_000), atLeast);
    return most;
  });
};
