import type { Scope } from '../../src/ledger/book.ts';
import { AnyPlay, many, type Place } from './any-play.ts';
import { ARTIFACTS, IDS, RACKS, REGIONS, rolloutDoc, someRollout } from './any-rollout.ts';
import { ACTIONS, writeFiles, writeLimits, type Answered } from './gates.ts';
import { bodyOf } from './play.ts';
import { RolloutPromises, type Operation, type RolloutAsked, type RolloutSaid } from './rollout-promises.ts';
import { DECLARED, kindDoc, lineOf, MAX_SHRINK, ownOf, type Row, type Source } from './sources.ts';
import { isBusy, type Stopping } from './story.ts';

const BY = ['bot', 'bot', 'other-bot', 'watcher'];
const FEEDS = ['cmdb', 'tele', 'bill'];

/** A rollout of a fleet that several sources bring, told by chance. */
export class RolloutPlay extends AnyPlay<Operation, RolloutPromises> {
  readonly story: RolloutPromises;
  protected readonly manners = [
    ...(['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'accept', 'accept', 'accept'] as const),
    ...(['hold', 'refuse', 'fail', 'drop'] as const),
  ];
  readonly #saids: RolloutSaid[] = [];

  constructor(place: Place, plot: { readonly seed: number; readonly clocksMove: boolean }) {
    super(place, plot);
    const declared = this.chance.of(DECLARED);
    this.story = new RolloutPromises(someRollout(this.chance, declared), place.clocks.databaseMs);
    this.#saids.push(this.story.said);
  }

  override async begin(): Promise<void> {
    this.listen();
    await this.#start();
    await this.#loadAll();
  }

  async #start(): Promise<void> {
    const { said } = this.story;
    const limits = rolloutDoc(said);
    this.note(`${said.declared.name} ${JSON.stringify(limits)}`);
    writeFiles(this.place.folder, this.place.executor, limits, {
      kind: kindDoc(said.declared),
      feeds: FEEDS,
    });
    await this.startGates();
  }

  readonly #steps: readonly (() => Promise<void>)[] = [
    ...many(40, async () => await this.#ask(1)),
    ...many(5, async () => await this.#ask(this.chance.between(2, 4))),
    ...many(
      11,
      async () => await this.pass(this.chance.of([1, 500, 999, 1_000, 1_001, 2_000, 4_000, 9_000])),
    ),
    ...many(14, async () => await this.#settleAll()),
    ...many(14, async () => await this.#beWell()),
    ...many(6, async () => await this.report()),
    ...many(3, async () => await this.release()),
    ...many(2, async () => await this.cancel()),
    ...many(1, async () => await this.#engage()),
    ...many(3, async () => await this.releaseSwitch()),
    ...many(9, async () => await this.#put(this.chance.of(this.story.said.declared.sources))),
    ...many(6, async () => await this.#patch()),
    ...many(4, async () => await this.#say()),
    ...many(2, async () => await this.#reload()),
    ...many(1, async () => await this.#declare()),
    ...many(1, async () => await this.restart()),
  ];

  protected override async happen(): Promise<void> {
    const { story, chance } = this;
    const isNearlyStale = story.inventory.isStale(story.nowMs + 9_000) && !story.jumped;
    if (isNearlyStale && chance.once(2)) await this.#loadAll();
    else await chance.of(this.#steps)();
  }

  protected override isStopped(one: Operation): void {
    if (one.state !== 'stopped' && !one.mayStop)
      this.story.wrong.push(`${one.id} is stopped, and nothing stood against it`);
    super.isStopped(one);
  }

  /** What waits and may be sent is sent. */
  protected override async lookBehind(): Promise<void> {
    if (!this.chance.once(3)) return;
    for (let times = 0; times < 2; times += 1) {
      await this.tick();
      await this.rest();
    }
    for (const one of this.story.operations)
      if (one.state === 'waiting' && this.story.maySend(one))
        this.story.wrong.push(`${one.id} waits, and nothing stands against it`);
  }

  // Requests.

  #some(): RolloutAsked {
    const { chance, story } = this;
    const action = chance.once(3) ? chance.of(ACTIONS) : 'config.push';
    const artifact = chance.once(20) ? undefined : chance.of([...ARTIFACTS, ...ARTIFACTS.slice(0, 1)]);
    const of = story.operations.filter(one => one.action === action && one.artifact === artifact);
    const run = Math.max(0, ...of.map(one => one.run));
    const done = new Set(
      of.filter(one => one.run === run && one.state === 'delivered').flatMap(({ ids }) => ids),
    );
    const busy = new Set(story.operations.filter(isBusy).flatMap(({ ids }) => ids));
    const [region, rack] = [chance.of(REGIONS), chance.of(RACKS)];
    const isBack = done.size > 0 && chance.once(8);
    const all = [...story.inventory.rows].filter(
      ([id, { labels }]) =>
        (chance.once(30) || !busy.has(id)) &&
        (isBack ? done.has(id) || chance.once(12) : chance.once(20) || !done.has(id)) &&
        (!chance.once(3) || labels['region'] === region || labels['rack'] === rack),
    );
    const most = Math.max(0, ...of.map(({ generation = 0 }) => generation));
    const generation = isBack
      ? most + chance.of([0, 1, 1, 1])
      : chance.once(4)
        ? chance.between(1, most + 1)
        : most;
    const ids = chance.some(
      all.map(([id]) => id),
      chance.of([1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 9]),
    );
    const first = story.inventory.rows.get(ids[0] ?? '')?.labels ?? {};
    const selector = chance.once(6)
      ? Object.fromEntries(chance.some(Object.entries(first), chance.between(1, 3)))
      : {};
    if (Object.keys(selector).length > 0)
      return {
        by: chance.of(BY),
        action,
        ids: [...story.inventory.rows]
          .filter(([, { labels }]) =>
            Object.entries(selector).every(([name, value]) => labels[name] === value),
          )
          .map(([id]) => id),
        ...(artifact !== undefined && { artifact }),
        ...(generation > 0 && { generation }),
        selector,
      };
    return {
      by: chance.of(BY),
      action,
      ids: chance.once(40)
        ? [...ids, chance.of(IDS)].filter((id, index, each) => each.indexOf(id) === index)
        : ids,
      ...(artifact !== undefined && { artifact }),
      ...(generation > 0 && { generation }),
      ...(chance.once(15) && { asserts: { rack: first['rack'] ?? rack } }),
    };
  }

  async #ask(count: number): Promise<void> {
    const all = Array.from({ length: count }, () => this.#some()).filter(({ ids }) => ids.length > 0);
    this.choose();
    if (count === 1 && this.chance.once(10)) return await this.#preflight(all);
    await this.askAll(all, rolloutBody, (asked, { document, status }) => {
      const { id, decision, reasons } = document;
      const rules = [...new Set(reasons.map(({ rule }) => rule))].toSorted();
      this.note(`${JSON.stringify(asked)}: ${status} ${id} ${rules.join()}`);
      for (const what of [decision, ...rules]) this.tell(what);
      this.story.answered(asked, { id, decision, rules });
      if (decision === 'allowed') this.#weigh(asked, id, document);
    });
  }

  /** What is told of weights is what the inventory has. */
  #weigh({ ids }: RolloutAsked, id: string, { blast_radius }: Answered['document']): void {
    const { rows } = this.story.inventory;
    for (const name of this.story.weights) {
      const {
        weight,
        total,
        missing = 0,
      } = blast_radius?.fleet?.weights?.[name] ?? { weight: -1, total: -1 };
      const own = ids.map(each => rows.get(each)?.weights[name]);
      const sum = (of: readonly (number | undefined)[]): number =>
        of.reduce<number>((a, b) => a + (b ?? 0), 0);
      const all = [...rows.values()].map(row => row.weights[name]);
      const is = [sum(own), sum(all), own.filter(each => each === undefined).length].join();
      if ([weight, total, missing].join() !== is)
        this.story.wrong.push(`${id} weighs ${weight} of ${total}, ${missing} missing; it is ${is}`);
    }
  }

  async #preflight(all: readonly RolloutAsked[]): Promise<void> {
    for (const asked of all) {
      const { document } = await this.gate.ask(asked.by, rolloutBody(asked), 'preflight');
      const { sure } = this.story.against(asked);
      this.tell(`preflight ${document.decision}`);
      if (document.decision === 'allowed' && sure.size > 0)
        this.story.wrong.push(`pre-flight ${JSON.stringify(asked)}: ${[...sure].join()}`);
    }
  }

  // Outcomes.

  /** All that came is reported as delivered. */
  async #settleAll(): Promise<void> {
    for (const one of this.story.operations.filter(({ state }) => state === 'wire'))
      await this.releaseOne(one, 'ok');
    for (const one of this.story.operations.filter(
      ({ state }) => state === 'accepted' || state === 'unknown',
    ))
      await this.reportOne(one, 'worker', 'delivered');
    await this.rest();
  }

  async #engage(): Promise<void> {
    const chance = this.chance;
    const what = chance.below(4);
    const [action, region, rack] = [chance.of(ACTIONS), chance.of(REGIONS), chance.of(RACKS)];
    const scopes: [Scope, Pick<Stopping, 'action' | 'region' | 'rack'>][] = [
      [{}, {}],
      [{ action }, { action }],
      [{ dimension: 'region', value: region }, { region }],
      [{ dimension: 'rack', value: rack }, { rack }],
    ];
    const [scope, said] = scopes[what] ?? [{}, {}];
    await this.engage(scope, { ...said, except: chance.once(3) ? [chance.of(BY)] : [] });
  }

  // The inventory.

  async #loadAll(): Promise<void> {
    const { sources } = this.story.said.declared;
    for (const source of sources.toSorted((a, b) => Number(b.exists) - Number(a.exists)))
      await this.#put(source, true);
  }

  #someRow(id: string): Row {
    const chance = this.chance;
    const index = IDS.indexOf(id);
    return {
      labels: {
        region: chance.once(12) ? chance.of(REGIONS) : (REGIONS[index % 2] ?? ''),
        rack: chance.once(12) ? chance.of(RACKS) : (RACKS[index % 3] ?? ''),
        state: chance.of(['serving', 'serving', 'serving', 'retired']),
      },
      weights: { traffic: chance.of([0, 1, 5, 20, 100]), users: chance.of([0, 2, 3, 50]) },
    };
  }

  /** What this source says now: mostly what it said before. */
  #own(source: Source, id: string): Row {
    const now = this.story.inventory.rows.get(id);
    const fresh = ownOf(source, this.#someRow(id));
    if (now === undefined) return fresh;
    const before = ownOf(source, now);
    const keep = this.chance.below(10);
    return {
      labels: keep < 9 ? { ...fresh.labels, ...before.labels } : fresh.labels,
      weights: keep < 6 ? { ...fresh.weights, ...before.weights } : fresh.weights,
    };
  }

  async #put(source: Source, whole = false): Promise<void> {
    const { story } = this;
    const chance = this.chance;
    if (story.jumped) return;
    const isFirst = !story.inventory.asOf.has(source.name);
    const left = whole ? 40 : chance.of([6, 15, 40]);
    const known = source.exists
      ? IDS
      : [...new Set([...story.inventory.rows.keys(), ...chance.some(IDS, 2)])];
    const lines = new Map(known.filter(() => !chance.once(left)).map(id => [id, this.#own(source, id)]));
    if (lines.size === 0) return;
    const early = story.nowMs - chance.of([0, 0, 0, 500, 3_000, 20_000]);
    const asOfMs =
      isFirst || whole ? story.nowMs : Math.max(early, story.inventory.asOf.get(source.name) ?? 0);
    const load = async (as: Readonly<Record<string, string>>): Promise<boolean> =>
      await this.gate.load(
        'put',
        [...lines].map(([id, row]) => lineOf(id, row)),
        asOfMs,
        as,
      );
    let taken = await load({ by: source.by });
    const lost = [...story.inventory.rows.keys()].filter(id => source.exists && !lines.has(id)).length;
    if (taken && lost * 100 > MAX_SHRINK * IDS.length && asOfMs === story.nowMs)
      story.wrong.push(`a load that lost ${lost} was taken`);
    if (!taken && lines.size === IDS.length && !isFirst) this.tell('put refused of all');
    if (!taken && (whole || chance.once(2))) {
      const force = {
        force: 'shrink,change',
        reason: 'a test',
        ...(source.name !== '' && { source: source.name }),
      };
      taken = await load({ by: 'oncall', ...force });
      this.tell(`put forced ${taken}`);
    }
    this.note(
      `put ${source.name} ${lines.size} as of ${asOfMs - story.nowMs}: ${taken} ${IDS.filter(id => !lines.has(id)).join()}`,
    );
    this.tell(`put ${taken}`);
    if (!taken) return;
    story.loaded(story.inventory.put(source, lines, asOfMs));
    this.place.executor.manners = [];
    await this.tick();
  }

  async #patch(): Promise<void> {
    const { story } = this;
    const chance = this.chance;
    const source = chance.of(story.said.declared.sources);
    if (story.jumped) return;
    const lines = new Map<string, Row | undefined>();
    for (const id of chance.some(IDS, chance.between(1, 4)))
      lines.set(
        id,
        source.exists && story.inventory.rows.size > 14 && chance.once(3) ? undefined : this.#own(source, id),
      );
    for (const [id, row] of lines) if (row === undefined && !story.inventory.rows.has(id)) lines.delete(id);
    if (lines.size === 0) return;
    const taken = await this.gate.load(
      'patch',
      [...lines].map(([id, row]) => (row === undefined ? { id, removed: true } : lineOf(id, row))),
      undefined,
      { by: source.by },
    );
    this.note(`patch ${source.name} ${JSON.stringify([...lines])}: ${taken}`);
    this.tell(`patch ${taken}`);
    if (taken) story.loaded(story.inventory.patch(source, lines, story.nowMs));
    await this.tick();
  }

  // Evidence.

  async #beWell(): Promise<void> {
    await this.pass(1);
    for (const artifact of ARTIFACTS)
      await this.say(
        { artifact, name: 'health', status: 'passed' },
        this.chance.once(6) ? 'watcher' : 'observer',
        undefined,
      );
    await this.pass(this.chance.of([1, 1_000, 2_000, 4_000]));
  }

  async #say(): Promise<void> {
    const chance = this.chance;
    const value = chance.once(3) ? chance.of(RACKS) : undefined;
    const said = {
      artifact: chance.of(ARTIFACTS),
      name: chance.of(['health', 'health', 'canary']),
      status: chance.of(['passed', 'passed', 'failed', 'unknown'] as const),
      ...(value !== undefined && { dimension: 'rack', value }),
    };
    await this.say(said, chance.of(['observer', 'watcher']), value);
    await this.tick();
  }

  // Limits, kinds and gates.

  async #reload(): Promise<void> {
    const { story } = this;
    const chance = this.chance;
    const { declared } = story.said;
    const earlier = this.#saids.filter(one => one.declared === declared);
    const fresh = someRollout(chance, declared);
    const next = chance.once(4)
      ? chance.of(earlier)
      : chance.once(2)
        ? {
            ...fresh,
            actions: {
              ...fresh.actions,
              'config.push': {
                ...fresh.actions['config.push'],
                stages: story.said.actions['config.push'].stages ?? [],
              },
            },
          }
        : fresh;
    writeLimits(this.place.folder, rolloutDoc(next));
    for (const gate of this.gates) {
      const activation = await gate.reload();
      this.tell(`reload ${activation}`);
      this.note(`reload ${activation} ${JSON.stringify(rolloutDoc(next))}`);
      if (activation === 'stale') {
        writeLimits(this.place.folder, rolloutDoc(story.said));
        return;
      }
      story.limits(next);
      this.#saids.push(next);
    }
    await this.tick();
  }

  /** All gates are started with another declaration of the kind. */
  async #declare(): Promise<void> {
    const { story } = this;
    if (!this.mayStart) return;
    for (const { gate } of this.gates) await gate.close();
    const others = DECLARED.filter(one => one !== story.said.declared);
    const next = someRollout(this.chance, this.chance.of(others));
    const keep = story.said.actions['config.push'].stages ?? [];
    story.limits({
      ...next,
      actions: { ...next.actions, 'config.push': { ...next.actions['config.push'], stages: keep } },
    });
    this.#saids.push(story.said);
    this.tell('declared anew');
    await this.#start();
    await this.tick();
    if (!this.chance.once(4)) await this.#loadAll();
  }
}

const rolloutBody = (asked: RolloutAsked): ReturnType<typeof bodyOf> => {
  const { asserts, selector, ...plain } = asked;
  const targets = selector === undefined ? { ids: asked.ids } : { selector, expect: asked.ids.length };
  return { ...bodyOf(plain), targets: { ...targets, ...(asserts && { asserts }) } };
};
