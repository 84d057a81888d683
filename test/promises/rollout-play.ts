import { sql } from 'kysely';

import type { Kind } from '../../src/config/config.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { Scope } from '../../src/ledger/book.ts';
import { ARTIFACTS, IDS, RACKS, REGIONS, rolloutDoc, someRollout } from './any-rollout.ts';
import { Chance } from './chance.ts';
import { ACTIONS, OneGate, settle, writeFiles, writeLimits } from './gates.ts';
import { bodyOf, type Place } from './play.ts';
import { isBusy, RolloutPromises, type RolloutAsked, type RolloutSaid } from './rollout-promises.ts';
import { DECLARED, kindDoc, lineOf, MAX_SHRINK, ownOf, type Row, type Source } from './sources.ts';

const BY = ['bot', 'bot', 'other-bot', 'watcher'];
const FEEDS = ['cmdb', 'tele', 'bill'];

/** A rollout of a fleet that several sources bring, told by chance. */
export class RolloutPlay {
  readonly story: RolloutPromises;
  readonly log: string[] = [];
  readonly told = new Map<string, number>();
  readonly #chance: Chance;
  readonly #place: Place;
  readonly #clocksMove: boolean;
  #gates: OneGate[] = [];
  #keys = 0;
  #starts = 0;
  readonly #saids: RolloutSaid[] = [];

  constructor(place: Place, { seed, clocksMove }: { readonly seed: number; readonly clocksMove: boolean }) {
    this.#place = place;
    this.#chance = new Chance(seed);
    this.#clocksMove = clocksMove;
    const declared = this.#chance.of(DECLARED);
    this.story = new RolloutPromises(someRollout(this.#chance, declared), place.clocks.databaseMs);
    this.#saids.push(this.story.said);
  }

  #note(what: string): void {
    this.log.push(`${this.story.nowMs % 10_000_000} ${what}`);
  }

  #tell(what: string): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
  }

  async begin(): Promise<void> {
    this.#place.executor.onCame = came => {
      this.#note(`   came ${came.action} ${came.request.slice(-6)} ${came.manner}`);
      this.#tell(`came ${came.manner}`);
      this.story.came(came);
    };
    await this.#start();
    await this.#loadAll();
  }

  async #start(): Promise<void> {
    const { said } = this.story;
    const limits = rolloutDoc(said);
    this.#note(`${said.declared.name} ${JSON.stringify(limits)}`);
    writeFiles(this.#place.folder, this.#place.executor, limits, {
      kind: kindDoc(said.declared),
      feeds: FEEDS,
    });
    this.#gates = [await this.#oneGate(), await this.#oneGate()];
  }

  async #oneGate(): Promise<OneGate> {
    const parts = { ...this.#place, clock: this.#place.clocks.gates };
    return await OneGate.start(parts, `g${(this.#starts += 1)}`);
  }

  get #gate(): OneGate {
    return this.#chance.of(this.#gates);
  }

  get kind(): Kind {
    return this.#gate.kind;
  }

  readonly #steps: readonly (() => Promise<void>)[] = [
    ...many(40, async () => await this.#ask(1)),
    ...many(5, async () => await this.#ask(this.#chance.between(2, 4))),
    ...many(
      11,
      async () => await this.#pass(this.#chance.of([1, 500, 999, 1_000, 1_001, 2_000, 4_000, 9_000])),
    ),
    ...many(14, async () => await this.#settleAll()),
    ...many(14, async () => await this.#beWell()),
    ...many(6, async () => await this.#report()),
    ...many(3, async () => await this.#release()),
    ...many(2, async () => await this.#cancel()),
    ...many(1, async () => await this.#engage()),
    ...many(3, async () => await this.#releaseSwitch()),
    ...many(9, async () => await this.#put(this.#chance.of(this.story.said.declared.sources))),
    ...many(6, async () => await this.#patch()),
    ...many(4, async () => await this.#say()),
    ...many(2, async () => await this.#reload()),
    ...many(1, async () => await this.#declare()),
    ...many(1, async () => await this.#restart()),
  ];

  /** @throws where something that happened must not, with all that led to it */
  async step(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
    if (story.jumped && chance.once(3)) await this.#endJump();
    else if (this.#clocksMove && !story.jumped && chance.once(25)) await this.#stepClock();
    else if (story.inventory.isStale(story.nowMs + 9_000) && !story.jumped && chance.once(2))
      await this.#loadAll();
    else await chance.of(this.#steps)();
    await this.#rest();
    if (chance.once(3)) await this.#look();
    if (story.wrong.length > 0) throw new Error([...this.log, ...story.wrong].join('\n'));
  }

  /** What waits and may be sent is sent. */
  async #look(): Promise<void> {
    for (let times = 0; times < 2; times += 1) {
      await this.#tick();
      await this.#rest();
    }
    for (const one of this.story.operations)
      if (one.state === 'waiting' && this.story.maySend(one))
        this.story.wrong.push(`${one.id} waits, and nothing stands against it`);
  }

  async end(): Promise<void> {
    this.#place.executor.onCame = () => undefined;
    this.#place.executor.releaseAll();
    for (const { gate } of this.#gates) await gate.close();
  }

  async #rest(): Promise<void> {
    const { story } = this;
    await settle(this.#place.store, this.#gates, this.#place.executor);
    story.catchUp();
    story.watch();
    const { rows } = await sql<{ id: string; outcome: string; phase: string }>`
      select id::text as id, outcome, phase from operations`.execute(this.#place.store.db);
    for (const { id, outcome, phase } of rows) {
      const one = story.operations.find(each => each.id === id);
      if (one === undefined) story.wrong.push(`${id} is allowed, and nobody was told`);
      else if (outcome === 'stopped') {
        if (one.came.length > 0) story.wrong.push(`${id} came, and is said to be stopped`);
        if (one.state !== 'stopped') this.#note(`   stopped ${id.slice(-6)}`);
        if (one.state !== 'stopped' && !one.mayStop)
          story.wrong.push(`${id} is stopped, and nothing stood against it`);
        one.state = 'stopped';
      } else if (
        phase !== 'waiting' &&
        outcome !== 'pending' &&
        outcome !== one.state &&
        one.state !== 'wire'
      )
        story.wrong.push(`${id} is said to be ${outcome}, and is ${one.state}`);
    }
  }

  // Requests.

  #some(): RolloutAsked {
    const chance = this.#chance;
    const { story } = this;
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

  #choose(): void {
    const manners = [
      'ok',
      'ok',
      'ok',
      'ok',
      'ok',
      'ok',
      'accept',
      'accept',
      'accept',
      'hold',
      'refuse',
      'fail',
      'drop',
    ] as const;
    this.#place.executor.manners = Array.from({ length: 8 }, () => this.#chance.of(manners));
  }

  async #ask(count: number): Promise<void> {
    const all = Array.from({ length: count }, () => this.#some()).filter(({ ids }) => ids.length > 0);
    this.#choose();
    if (count === 1 && this.#chance.once(10)) return await this.#preflight(all);
    const { story } = this;
    const answers = await Promise.all(
      all.map(async asked => await this.#gate.ask(asked.by, rolloutBody(asked), `key-${(this.#keys += 1)}`)),
    );
    const { rows } = await sql<{ id: string; seq: number }>`
      select id::text as id, seq::int as seq from decisions where seq is not null`.execute(
      this.#place.store.db,
    );
    const seqs = new Map(rows.map(({ id, seq }) => [id, seq]));
    const inOrder = answers
      .map(({ document, status }, index) => ({ document, status, asked: all[index] }))
      .toSorted((a, b) => (seqs.get(a.document.id) ?? 0) - (seqs.get(b.document.id) ?? 0));
    for (const { document, status, asked } of inOrder) {
      if (asked === undefined) continue;
      const { id, decision, reasons } = document;
      const rules = [...new Set(reasons.map(({ rule }) => rule))].toSorted();
      this.#note(`${JSON.stringify(asked)}: ${status} ${id} ${rules.join()}`);
      for (const what of [decision, ...rules]) this.#tell(what);
      story.answered(asked, { id, decision, rules });
      if (decision === 'allowed') {
        const { run } = story.operations.at(-1) ?? { run: 0 };
        this.#tell(
          `allowed ${asked.action} ${asked.action === 'config.push' ? `run ${Math.min(run, 3)}` : ''}`,
        );
      }
      const { weights } = (document as Weighed).blast_radius?.fleet ?? {};
      for (const name of decision === 'allowed' ? story.weights : []) {
        const { weight, total, missing = 0 } = weights?.[name] ?? { weight: -1, total: -1 };
        const own = asked.ids.map(each => story.inventory.rows.get(each)?.weights[name]);
        const sum = (of: readonly (number | undefined)[]): number =>
          of.reduce<number>((a, b) => a + (b ?? 0), 0);
        const is = [
          sum(own),
          sum([...story.inventory.rows.values()].map(row => row.weights[name])),
          own.filter(each => each === undefined).length,
        ];
        if (JSON.stringify([weight, total, missing]) !== JSON.stringify(is))
          story.wrong.push(`${id} weighs ${weight} of ${total}, ${missing} missing; it is ${is.join()}`);
      }
    }
    story.catchUp();
  }

  async #preflight(all: readonly RolloutAsked[]): Promise<void> {
    for (const asked of all) {
      const { document } = await this.#gate.ask(asked.by, rolloutBody(asked), 'preflight');
      const { sure } = this.story.against(asked);
      this.#tell(`preflight ${document.decision}`);
      if (document.decision === 'allowed' && sure.size > 0)
        this.story.wrong.push(`pre-flight ${JSON.stringify(asked)}: ${[...sure].join()}`);
    }
  }

  // Time.

  async #pass(ms: number): Promise<void> {
    const { story } = this;
    // Its executor's time-out would be over: the timers of this process do not know of it.
    for (const one of story.operations)
      if (one.state === 'wire' && story.nowMs + ms - (one.came.at(-1) ?? 0) >= 30_000)
        await this.#releaseOne(one.id, 'fail');
    await this.#place.clocks.pass(ms);
    if (story.jumped) story.nowMs += ms;
    else story.nowMs = Math.max(story.nowMs, this.#place.clocks.databaseMs);
    this.#note(`passed ${ms}`);
    await this.#tick();
  }

  async #tick(): Promise<void> {
    this.#choose();
    for (const { gate } of this.#gates) await gate.outcomes.tick();
  }

  async #stepClock(): Promise<void> {
    const { story } = this;
    const { clocks } = this.#place;
    const by = this.#chance.of([-3_600_000, -20_000, -3_000, -500, 500, 3_000, 20_000, 3_600_000]);
    const isJump = Math.abs(by) > 5_000;
    if (!isJump && Math.abs(clocks.gates.wallMs() - (clocks.databaseMs + by)) > 4_000) return;
    if (!isJump && story.nowMs - (clocks.databaseMs + by) > 4_000) return;
    for (const one of story.operations) if (one.state === 'wire') await this.#releaseOne(one.id, 'fail');
    await this.#rest();
    await clocks.stepDatabase(by);
    story.jumped = isJump;
    this.#tell(`clock ${isJump ? 'jumped' : 'stepped'}`);
    this.#note(`the database's clock steps by ${by}`);
    if (!isJump) story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
    await this.#tick();
  }

  async #endJump(): Promise<void> {
    const { story } = this;
    const { clocks } = this.#place;
    if (this.#chance.once(2)) {
      await clocks.stepDatabase(clocks.gates.wallMs() - clocks.databaseMs);
      story.jumped = false;
      story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
      this.#note("the database's clock is put back");
    } else {
      clocks.setWall();
      story.accepted(clocks.databaseMs);
      story.nowMs = clocks.databaseMs;
      story.jumped = false;
      const taken = await this.#gate.accept();
      this.#note(`accepted ${clocks.databaseMs}: ${taken}`);
      this.#tell(`clock accepted ${taken}`);
      if (!taken) story.wrong.push('the jump was not to be accepted');
    }
    await this.#tick();
  }

  // Outcomes.

  /** All that came is reported as delivered. */
  async #settleAll(): Promise<void> {
    for (const one of this.story.operations.filter(({ state }) => state === 'wire'))
      await this.#releaseOne(one.id, 'ok');
    for (const one of this.story.operations.filter(
      ({ state }) => state === 'accepted' || state === 'unknown',
    ))
      await this.#reportOne(one.id, 'worker', 'delivered');
    await this.#rest();
  }

  async #report(): Promise<void> {
    const open = this.story.operations.filter(
      one =>
        one.came.length > 0 && (one.state !== 'delivered' || this.#chance.once(12)) && one.state !== 'wire',
    );
    if (open.length === 0) return;
    await this.#reportOne(
      this.#chance.of(open).id,
      this.#chance.of(['worker', 'oncall']),
      this.#chance.of(['delivered', 'refused'] as const),
    );
  }

  async #reportOne(id: string, by: string, status: 'delivered' | 'refused'): Promise<void> {
    const { story } = this;
    const one = story.operations.find(each => each.id === id);
    if (one === undefined) return;
    this.#choose();
    const gate = this.#gate;
    const { state, settledMs, wasRefused } = one;
    if (state !== 'delivered' && !(state === 'refused' && status === 'refused')) {
      one.state = status;
      one.wasRefused ||= status === 'refused';
      one.settledMs = story.nowMs;
    }
    const said = await gate.gate.outcomes.report(id, gate.principal(by), { status }, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.#note(`${by} says ${id.slice(-6)} ${status} (was ${state}): ${taken}`);
    this.#tell(`reported ${taken}`);
    if (!taken) Object.assign(one, { state, settledMs, wasRefused });
  }

  async #release(): Promise<void> {
    const held = this.story.operations.filter(({ state }) => state === 'wire');
    if (held.length > 0)
      await this.#releaseOne(
        this.#chance.of(held).id,
        this.#chance.of(['ok', 'fail', 'refuse', 'accept'] as const),
      );
  }

  async #releaseOne(id: string, manner: 'ok' | 'fail' | 'refuse' | 'accept'): Promise<void> {
    const one = this.story.operations.find(each => each.id === id);
    if (one === undefined) return;
    this.#note(`released ${id.slice(-6)} ${manner}`);
    this.story.ended(one, manner);
    this.#choose();
    this.#place.executor.release(id, manner);
    await settle(this.#place.store, this.#gates, this.#place.executor);
  }

  async #cancel(): Promise<void> {
    const open = this.story.operations.filter(({ state }) => state === 'waiting');
    if (open.length === 0) return;
    const one = this.#chance.of(open);
    const gate = this.#gate;
    const said = await gate.gate.outcomes.cancel(one.id, gate.principal(one.by), undefined, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.#note(`cancel ${one.id.slice(-6)} (was ${one.state}): ${taken}`);
    this.#tell(`cancelled ${taken}`);
    if (taken && one.came.length > 0) this.story.wrong.push(`${one.id} was cancelled after it was sent`);
    if (taken) one.state = 'stopped';
  }

  async #engage(): Promise<void> {
    const chance = this.#chance;
    const what = chance.below(4);
    const [action, region, rack] = [chance.of(ACTIONS), chance.of(REGIONS), chance.of(RACKS)];
    const scopes: [Scope, object][] = [
      [{}, {}],
      [{ action }, { action }],
      [{ dimension: 'region', value: region }, { region }],
      [{ dimension: 'rack', value: rack }, { rack }],
    ];
    const [scope, said] = scopes[what] ?? [{}, {}];
    const except = chance.once(3) ? [chance.of(BY)] : [];
    const gate = this.#gate;
    const engaged = await gate.gate.killSwitch.engage(
      { scope, except, reason: 'a test' },
      gate.principal('oncall'),
    );
    if (isRefusal(engaged)) return;
    this.#tell('engaged');
    this.#note(`engaged ${JSON.stringify(scope)} except ${except.join()}`);
    const each = { id: engaged.id, ...said, except };
    this.story.engaged.push(each);
    for (const one of this.story.operations)
      if (one.state === 'waiting' && this.story.isStoppedBy(each, one)) one.state = 'stopped';
  }

  async #releaseSwitch(): Promise<void> {
    const each = this.story.engaged[0];
    if (each === undefined) return;
    const gate = this.#gate;
    this.story.engaged = this.story.engaged.filter(one => one !== each);
    await gate.gate.killSwitch.release(each.id, 'over', gate.principal('oncall'), () => true);
    this.#note('released a switch');
    await this.#tick();
  }

  // The inventory.

  async #loadAll(): Promise<void> {
    const { sources } = this.story.said.declared;
    for (const source of sources.toSorted((a, b) => Number(b.exists) - Number(a.exists)))
      await this.#put(source, true);
  }

  #someRow(id: string): Row {
    const chance = this.#chance;
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
    const keep = this.#chance.below(10);
    return {
      labels: keep < 9 ? { ...fresh.labels, ...before.labels } : fresh.labels,
      weights: keep < 6 ? { ...fresh.weights, ...before.weights } : fresh.weights,
    };
  }

  async #put(source: Source, whole = false): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
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
      await this.#gate.load(
        'put',
        [...lines].map(([id, row]) => lineOf(id, row)),
        asOfMs,
        as,
      );
    let taken = await load({ by: source.by });
    const lost = [...story.inventory.rows.keys()].filter(id => source.exists && !lines.has(id)).length;
    if (taken && lost * 100 > MAX_SHRINK * IDS.length && asOfMs === story.nowMs)
      story.wrong.push(`a load that lost ${lost} was taken`);
    if (!taken && lines.size === IDS.length && !isFirst) this.#tell('put refused of all');
    if (!taken && (whole || chance.once(2))) {
      const force = {
        force: 'shrink,change',
        reason: 'a test',
        ...(source.name !== '' && { source: source.name }),
      };
      taken = await load({ by: 'oncall', ...force });
      this.#tell(`put forced ${taken}`);
    }
    this.#note(
      `put ${source.name} ${lines.size} as of ${asOfMs - story.nowMs}: ${taken} ${IDS.filter(id => !lines.has(id)).join()}`,
    );
    this.#tell(`put ${taken}`);
    if (!taken) return;
    story.loaded(story.inventory.put(source, lines, asOfMs));
    this.#place.executor.manners = [];
    await this.#tick();
  }

  async #patch(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
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
    const taken = await this.#gate.load(
      'patch',
      [...lines].map(([id, row]) => (row === undefined ? { id, removed: true } : lineOf(id, row))),
      undefined,
      { by: source.by },
    );
    this.#note(`patch ${source.name} ${JSON.stringify([...lines])}: ${taken}`);
    this.#tell(`patch ${taken}`);
    if (taken) story.loaded(story.inventory.patch(source, lines, story.nowMs));
    await this.#tick();
  }

  // Evidence.

  async #beWell(): Promise<void> {
    await this.#pass(1);
    for (const artifact of ARTIFACTS)
      await this.#post(
        { artifact, name: 'health', status: 'passed' },
        this.#chance.once(6) ? 'watcher' : 'observer',
      );
    await this.#pass(this.#chance.of([1, 1_000, 2_000, 4_000]));
  }

  async #say(): Promise<void> {
    const chance = this.#chance;
    await this.#post(
      {
        artifact: chance.of(ARTIFACTS),
        name: chance.of(['health', 'health', 'canary']),
        status: chance.of(['passed', 'passed', 'failed', 'unknown'] as const),
        ...(chance.once(3) && { dimension: 'rack', value: chance.of(RACKS) }),
      },
      chance.of(['observer', 'watcher']),
    );
    await this.#tick();
  }

  async #post(
    said: {
      artifact: string;
      name: string;
      status: 'passed' | 'failed' | 'unknown';
      dimension?: string;
      value?: string;
    },
    by: string,
  ): Promise<void> {
    const { story } = this;
    const gate = this.#gate;
    await gate.gate.evidence.post(said, gate.principal(by), () => true);
    this.#note(`${by} says ${JSON.stringify(said)}`);
    const { artifact, name, status, value } = said;
    story.seen.push({
      ...{ artifact, name, status, by },
      ...(value !== undefined && { of: value }),
      atMs: story.nowMs,
      order: story.order(),
    });
  }

  // Limits, kinds and gates.

  async #reload(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
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
    writeLimits(this.#place.folder, rolloutDoc(next));
    for (const gate of this.#gates) {
      const activation = await gate.reload();
      this.#tell(`reload ${activation}`);
      this.#note(`reload ${activation} ${JSON.stringify(rolloutDoc(next))}`);
      if (activation === 'stale') {
        writeLimits(this.#place.folder, rolloutDoc(story.said));
        return;
      }
      story.limits(next);
      this.#saids.push(next);
    }
    await this.#tick();
  }

  get #mayStart(): boolean {
    // What is on the wire would be waited for. A start on a clock that is a little behind is a jump of its own.
    return (
      !this.story.jumped &&
      this.#place.clocks.databaseMs >= this.story.nowMs &&
      this.#place.executor.held().size === 0
    );
  }

  /** All gates are started with another declaration of the kind. */
  async #declare(): Promise<void> {
    const { story } = this;
    if (!this.#mayStart) return;
    for (const { gate } of this.#gates) await gate.close();
    const others = DECLARED.filter(one => one !== story.said.declared);
    const next = someRollout(this.#chance, this.#chance.of(others));
    const keep = story.said.actions['config.push'].stages ?? [];
    story.limits({
      ...next,
      actions: { ...next.actions, 'config.push': { ...next.actions['config.push'], stages: keep } },
    });
    this.#saids.push(story.said);
    this.#tell('declared anew');
    await this.#start();
    await this.#tick();
    if (!this.#chance.once(4)) await this.#loadAll();
  }

  async #restart(): Promise<void> {
    if (!this.#mayStart) return;
    const index = this.#chance.below(2);
    await this.#gates[index]?.gate.close();
    this.#gates[index] = await this.#oneGate();
    this.#tell('restart');
    this.#note('restart');
  }
}

interface Weighed {
  readonly blast_radius?: {
    readonly fleet?: {
      readonly weights?: Readonly<Record<string, { weight: number; total: number; missing?: number }>>;
    };
  };
}

const many = <T>(times: number, one: T): T[] => Array.from({ length: times }, () => one);

const rolloutBody = (asked: RolloutAsked): ReturnType<typeof bodyOf> => {
  const { asserts, selector, ...plain } = asked;
  const targets = selector === undefined ? { ids: asked.ids } : { selector, expect: asked.ids.length };
  return { ...bodyOf(plain), targets: { ...targets, ...(asserts && { asserts }) } };
};
