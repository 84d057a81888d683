import { sql } from 'kysely';

import type { Kind } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { Scope } from '../../src/ledger/book.ts';
import type { Doc } from '../support/gate.ts';
import { Chance } from './chance.ts';
import type { Clocks } from './clocks.ts';
import { ACTIONS, OneGate, settle, writeLimits } from './gates.ts';
import { overs, IDS, RACKS, REQUESTERS, someHost, someSaid, type Theme } from './any-limits.ts';
import { limitsDoc, type Said } from './said.ts';
import type { Asked, Host, Operation } from './history.ts';
import { Promises } from './promises.ts';
import type { ToldExecutor } from './told-executor.ts';

export interface Place {
  readonly folder: string;
  readonly store: Store;
  readonly clocks: Clocks;
  readonly executor: ToldExecutor;
}

/** What a play begins with; all else follows from it, but for the order of what is asked at once. */
export interface Plot {
  readonly seed: number;
  /** What limits most often. */
  readonly theme: Theme;
  /** Whether the database's clock is set now and then. */
  readonly clocksMove: boolean;
}

/** One story, told by chance. */
export class Play {
  readonly story: Promises;
  readonly log: string[] = [];
  readonly told = new Map<string, number>();
  readonly #chance: Chance;
  readonly #place: Place;
  #gates: OneGate[] = [];
  #sent: { by: string; body: Doc; key: string; id: string }[] = [];
  #revisions = new Map<string, Said>();
  #keys = 0;
  readonly #theme: Theme;
  readonly #clocksMove: boolean;

  constructor(place: Place, { seed, theme, clocksMove }: Plot) {
    this.#place = place;
    this.#chance = new Chance(seed);
    this.#theme = theme;
    this.#clocksMove = clocksMove;
    const { databaseMs } = place.clocks;
    this.story = new Promises(someSaid(this.#chance, databaseMs, theme), databaseMs);
  }

  #note(what: string): void {
    this.log.push(`${this.story.nowMs % 10_000_000} ${what}`);
  }

  #tell(what: string): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
  }

  async begin(): Promise<void> {
    const { story } = this;
    this.#place.executor.onCame = came => {
      this.#note(`   came ${came.action} ${came.request.slice(-6)} ${came.manner}`);
      this.#tell(`came ${came.manner}`);
      story.came(came);
    };
    for (;;) {
      try {
        writeLimits(this.#place.folder, limitsDoc(story.said));
        const parts = { ...this.#place, clock: this.#place.clocks.gates };
        this.#gates = [await OneGate.start(parts, 'g1'), await OneGate.start(parts, 'g2')];
        break;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'FileError') throw error;
        this.#tell('limits refused');
        this.#note(`limits refused: ${error.message}`);
        story.said = someSaid(this.#chance, story.nowMs, this.#theme);
      }
    }
    this.#revisions.set(JSON.stringify(limitsDoc(story.said)), story.said);
    this.#note(JSON.stringify(limitsDoc(story.said)));
    await this.#put();
  }

  get #gate(): OneGate {
    return this.#chance.of(this.#gates);
  }

  get kind(): Kind {
    return this.#gate.kind;
  }

  /** What becomes of all that is sent next: much of it is taken and not settled, so that others wait. */
  #choose(): void {
    const manners = ['ok', 'ok', 'accept', 'accept', 'accept', 'hold', 'refuse', 'fail', 'drop'] as const;
    this.#place.executor.manners = Array.from({ length: 8 }, () => this.#chance.of(manners));
  }

  async #rest(): Promise<void> {
    await settle(this.#place.store, this.#gates, this.#place.executor);
    this.story.catchUp();
    // A gate's word that something is never sent binds it.
    const { rows } = await sql<{ id: string; outcome: string; phase: string }>`
      select id::text as id, outcome, phase from operations`.execute(this.#place.store.db);
    for (const { id, outcome, phase } of rows) {
      const one = this.story.operations.find(each => each.id === id);
      if (one === undefined) this.story.wrong.push(`${id} is allowed, and nobody was told`);
      else if (outcome === 'stopped') {
        if (one.came.length > 0) this.story.wrong.push(`${id} came, and is said to be stopped`);
        if (one.state !== 'stopped') this.#note(`   stopped ${id.slice(-6)}`);
        one.state = 'stopped';
      } else if (
        phase !== 'waiting' &&
        outcome !== 'pending' &&
        outcome !== one.state &&
        one.state !== 'wire'
      )
        this.story.wrong.push(`${id} is said to be ${outcome}, and is ${one.state}`);
    }
  }

  /** What may happen, the more often the more times it stands here. */
  readonly #steps: readonly (() => Promise<void>)[] = [
    ...many(48, async () => await this.#ask()),
    ...many(5, async () => await this.#askTogether()),
    ...many(14, async () => await this.#pass()),
    ...many(8, async () => await this.#report()),
    ...many(3, async () => await this.#release()),
    ...many(2, async () => await this.#cancel()),
    ...many(1, async () => await this.#engage()),
    ...many(4, async () => await this.#releaseSwitch()),
    ...many(4, async () => await this.#put()),
    ...many(3, async () => await this.#patch()),
    ...many(6, async () => await this.#say()),
    ...many(3, async () => await this.#reload()),
    ...many(1, async () => await this.#restart()),
  ];

  /** @throws where something that happened must not, with all that led to it */
  async step(): Promise<void> {
    const { story } = this;
    if (story.jumped && this.#chance.once(3)) await this.#endJump();
    else if (this.#clocksMove && !story.jumped && this.#chance.once(25)) await this.#stepClock();
    else await this.#chance.of(this.#steps)();
    await this.#rest();
    if (story.wrong.length > 0) throw new Error([...this.log, ...story.wrong].join('\n'));
  }

  async end(): Promise<void> {
    this.#place.executor.onCame = () => undefined;
    this.#place.executor.releaseAll();
    for (const { gate } of this.#gates) await gate.close();
  }

  #some(): Asked {
    const chance = this.#chance;
    const rack = chance.of(RACKS);
    const inRack = [...this.story.hosts].filter(([, host]) => host.rack === rack).map(([id]) => id);
    const from = chance.once(2) && inRack.length > 0 ? inRack : [...this.story.hosts.keys()];
    const count = chance.of([1, 1, 1, 2, 2, 3, 4, 6]);
    return {
      by: chance.of(REQUESTERS),
      action: chance.of(ACTIONS),
      ids: chance.some(chance.once(25) ? IDS : from, count),
      ...(!chance.once(8) && { artifact: chance.of(['sha256:a1', 'sha256:a1', 'sha256:b2']) }),
      ...(!chance.once(5) && { generation: chance.between(1, 4) }),
    };
  }

  async #ask(): Promise<void> {
    const chance = this.#chance;
    const asked = this.#some();
    if (asked.ids.length === 0) return;
    this.#choose();
    const body = bodyOf(asked);
    if (chance.once(8)) return await this.#preflight(asked, body);
    const earlier = this.#sent.length > 0 && chance.once(12) ? chance.of(this.#sent) : undefined;
    if (earlier !== undefined) {
      const again = await this.#gate.ask(earlier.by, earlier.body, earlier.key);
      this.#tell('repeat');
      if (!again.replayed || again.document.id !== earlier.id)
        this.story.wrong.push(`${earlier.key} was decided again`);
      return;
    }
    await this.#send([asked]);
  }

  async #askTogether(): Promise<void> {
    const all = Array.from({ length: this.#chance.between(2, 5) }, () => this.#some()).filter(
      ({ ids }) => ids.length > 0,
    );
    this.#choose();
    await this.#send(all);
  }

  async #send(all: readonly Asked[]): Promise<void> {
    const { story } = this;
    const keys = all.map(() => `key-${(this.#keys += 1)}`);
    const answers = await Promise.all(
      all.map(async (asked, index) => await this.#gate.ask(asked.by, bodyOf(asked), keys[index] ?? '')),
    );
    const { rows } = await sql<{ id: string; seq: number }>`
      select id::text as id, seq::int as seq from decisions where seq is not null`.execute(
      this.#place.store.db,
    );
    const seqs = new Map(rows.map(({ id, seq }) => [id, seq]));
    const inOrder = answers
      .map((answer, index) => ({ answer, asked: all[index], key: keys[index] ?? '' }))
      .toSorted((a, b) => (seqs.get(a.answer.document.id) ?? 0) - (seqs.get(b.answer.document.id) ?? 0));
    for (const { answer, asked, key } of inOrder) {
      if (asked === undefined) continue;
      const { document, status } = answer;
      const { id, decision, exceptions = [] } = document;
      const rules = [...new Set(document.reasons.map(({ rule }) => rule))].toSorted();
      this.#note(`${JSON.stringify(asked)}: ${status} ${id} ${rules.join()} ${exceptions.join()}`);
      for (const what of [decision, ...rules, ...(exceptions.length > 0 ? ['under an exception'] : [])])
        this.#tell(what);
      story.answered(asked, { id, decision, rules, exceptions }, seqs.has(id));
      if (status !== 429 && status !== 503) this.#sent.push({ by: asked.by, body: bodyOf(asked), key, id });
    }
    story.catchUp();
  }

  async #preflight(asked: Asked, body: Doc): Promise<void> {
    const { document } = await this.#gate.ask(asked.by, body, 'preflight');
    const wrong =
      document.decision === 'allowed' ? this.story.againstAllow(asked, document.exceptions ?? []) : [];
    this.#tell(`preflight ${document.decision}`);
    if (wrong.length > 0) this.story.wrong.push(`pre-flight ${JSON.stringify(asked)}: ${wrong.join()}`);
  }

  async #pass(): Promise<void> {
    const { story } = this;
    const edges = [
      ...story.operations
        .slice(-12)
        .flatMap(({ atMs, action }) => [
          ...overs.map(over => atMs + over * 1000),
          ...(story.said.actions[action]?.windows ?? []).map(({ overS }) => atMs + overS * 1000),
          atMs + 20_000,
        ]),
      ...story.said.freezes.flatMap(({ fromMs, untilMs = 0 }) => [fromMs, untilMs]),
      ...story.said.exceptions.map(({ untilMs }) => untilMs),
      ...story.seen.slice(-4).flatMap(({ atMs }) => [atMs + 10_000, atMs + 30_000]),
    ].filter(at => at > story.nowMs && at < story.nowMs + 16_000);
    const edge =
      edges.length > 0 && !this.#chance.once(3)
        ? this.#chance.of(edges) + this.#chance.of([-1, 0, 0, 1])
        : story.nowMs + this.#chance.of([1, 500, 501, 1_000, 3_000]);
    const by = Math.max(1, edge - story.nowMs);
    // Its executor's time-out would be over: the timers of this process do not know of it.
    for (const one of story.operations)
      if (one.state === 'wire' && story.nowMs + by - (one.came.at(-1) ?? 0) >= 30_000)
        await this.#releaseOne(one, 'fail');
    await this.#place.clocks.pass(by);
    if (story.jumped) story.nowMs += by;
    else story.nowMs = Math.max(story.nowMs, this.#place.clocks.databaseMs);
    this.#note(`passed ${by}`);
    await this.#tick();
  }

  async #tick(): Promise<void> {
    this.#choose();
    for (const { gate } of this.#gates) await gate.outcomes.tick();
  }

  async #stepClock(): Promise<void> {
    const { story } = this;
    const { clocks } = this.#place;
    const by = this.#chance.of([
      -3_600_000, -20_000, -6_000, -3_000, -500, 500, 3_000, 6_000, 20_000, 3_600_000,
    ]);
    const isJump = Math.abs(by) > 5_000;
    // Small steps that have come to so much together are a jump if an entry was written before them: not all that writes one is known here.
    if (!isJump && story.nowMs - (clocks.databaseMs + by) > 5_000) return;
    for (const one of story.operations) if (one.state === 'wire') await this.#releaseOne(one, 'fail');
    await this.#rest();
    const before = clocks.databaseMs;
    await clocks.stepDatabase(by);
    story.jumped = isJump;
    this.#tell(`clock ${story.jumped ? 'jumped' : 'stepped'}`);
    this.#note(`the database's clock steps by ${by} from ${before}`);
    if (!story.jumped) story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
    await this.#tick();
  }

  async #endJump(): Promise<void> {
    const { story } = this;
    const { clocks } = this.#place;
    if (this.#chance.once(2)) {
      const by = clocks.gates.wallMs() - clocks.databaseMs;
      await clocks.stepDatabase(by);
      story.jumped = false;
      story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
      this.#note(`the database's clock is put back by ${by}`);
      this.#tell('clock put back');
      await this.#tick();
      return;
    }
    clocks.setWall();
    story.accepted(clocks.databaseMs);
    story.nowMs = clocks.databaseMs;
    story.jumped = false;
    const taken = await this.#gate.accept();
    this.#note(`accepted ${clocks.databaseMs}: ${taken}`);
    this.#tell(`clock accepted ${taken}`);
    if (!taken) story.wrong.push('the jump was not to be accepted');
    await this.#tick();
  }

  async #report(): Promise<void> {
    const { story } = this;
    const open = story.operations.filter(
      one =>
        one.came.length > 0 && (one.state !== 'delivered' || this.#chance.once(10)) && one.state !== 'wire',
    );
    if (open.length === 0) return;
    const one = this.#chance.of(open);
    const by = this.#chance.of(['worker', 'oncall']);
    const status = this.#chance.of(['delivered', 'delivered', 'refused'] as const);
    this.#choose();
    const gate = this.#gate;
    // What its word frees may be sent within this very call.
    const before = { state: one.state, settledMs: one.settledMs };
    if (one.state !== 'delivered' && !(one.state === 'refused' && status === 'refused')) {
      one.state = status;
      one.settledMs = story.nowMs;
    }
    const said = await gate.gate.outcomes.report(one.id, gate.principal(by), { status }, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.#note(`${by} says ${one.id.slice(-6)} ${status} (was ${before.state}): ${taken}`);
    this.#tell(`reported ${taken}`);
    if (!taken) Object.assign(one, before);
  }

  async #release(): Promise<void> {
    const held = this.story.operations.filter(({ state }) => state === 'wire');
    if (held.length === 0) return;
    await this.#releaseOne(
      this.#chance.of(held),
      this.#chance.of(['ok', 'fail', 'refuse', 'accept'] as const),
    );
  }

  async #releaseOne(one: Operation, manner: 'ok' | 'fail' | 'refuse' | 'accept'): Promise<void> {
    this.#note(`released ${one.id.slice(-6)} ${manner}`);
    this.story.ended(one, manner);
    this.#choose();
    this.#place.executor.release(one.id, manner);
    await settle(this.#place.store, this.#gates, this.#place.executor);
  }

  async #cancel(): Promise<void> {
    const open = this.story.operations.filter(
      ({ state, came }) => state === 'waiting' || (state === 'unknown' && came.length < 3),
    );
    if (open.length === 0) return;
    const one = this.#chance.of(open);
    const gate = this.#gate;
    const said = await gate.gate.outcomes.cancel(one.id, gate.principal(one.by), undefined, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.#note(`cancel ${one.id.slice(-6)} (was ${one.state}): ${taken}`);
    this.#tell(`cancelled ${taken}`);
    if (taken) {
      if (one.came.length > 0) this.story.wrong.push(`${one.id} was cancelled after it was sent`);
      one.state = 'stopped';
    }
  }

  async #engage(): Promise<void> {
    const chance = this.#chance;
    const action = chance.once(2) ? chance.of(ACTIONS) : undefined;
    const region = action === undefined && chance.once(2) ? chance.of(['eu', 'us']) : undefined;
    const except = chance.once(3) ? [chance.of(REQUESTERS)] : [];
    const gate = this.#gate;
    const scope: Scope =
      action === undefined
        ? region === undefined
          ? {}
          : { dimension: 'region', value: region }
        : { action };
    const engaged = await gate.gate.killSwitch.engage(
      { scope, except, reason: 'a test' },
      gate.principal('oncall'),
    );
    if (isRefusal(engaged)) return;
    this.#tell('engaged');
    this.#note(`engaged ${JSON.stringify(scope)} except ${except.join()}`);
    const each = {
      id: engaged.id,
      ...(action !== undefined && { action }),
      ...(region !== undefined && { region }),
      except,
    };
    this.story.engaged.push(each);
    for (const one of this.story.operations)
      if (one.state === 'waiting' && this.story.isStoppedBy(each, one)) one.state = 'stopped';
  }

  async #releaseSwitch(): Promise<void> {
    const each = this.story.engaged[0];
    if (each === undefined) return;
    const gate = this.#gate;
    // Before: what waits for it is sent within this call.
    this.story.engaged = this.story.engaged.filter(one => one !== each);
    await gate.gate.killSwitch.release(each.id, 'over', gate.principal('oncall'), () => true);
    this.#note('released a switch');
    await this.#tick();
  }

  async #put(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
    const hosts = new Map<string, Host>();
    for (const [index, id] of IDS.entries()) {
      const now = story.hosts.get(id);
      if (chance.once(14)) continue;
      const rack = RACKS[index % 4] ?? '';
      if (now !== undefined && !chance.once(6))
        hosts.set(id, chance.once(4) ? { ...now, traffic: chance.of([0, 1, 5, 20]) } : now);
      else hosts.set(id, someHost(chance, story.nowMs, chance.once(5) ? chance.of(RACKS) : rack));
    }
    if (story.jumped) return;
    const asOfMs = chance.once(4) ? Math.max(story.asOfMs + 1, story.nowMs - 3_000) : story.nowMs;
    const taken =
      asOfMs <= story.nowMs &&
      (await this.#gate.load(
        'put',
        [...hosts].map(([id, host]) => lineOf(id, host)),
        asOfMs,
      ));
    this.#note(`put ${hosts.size} as of ${asOfMs - story.nowMs}: ${taken}`);
    this.#tell(`put ${taken}`);
    if (taken) story.loaded(hosts, asOfMs);
  }

  async #patch(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
    const changes = new Map<string, Host | undefined>();
    for (const id of chance.some(IDS, chance.between(1, 3))) {
      const now = story.hosts.get(id);
      if (now === undefined || !chance.once(4))
        changes.set(
          id,
          now !== undefined && chance.once(3) ? now : someHost(chance, story.nowMs, chance.of(RACKS)),
        );
      else if (story.hosts.size > 10) changes.set(id, undefined);
    }
    if (changes.size === 0) return;
    if (story.jumped) return;
    const lines = [...changes].map(([id, host]) =>
      host === undefined ? { id, removed: true } : lineOf(id, host),
    );
    const taken = await this.#gate.load('patch', lines);
    this.#note(
      `patch ${[...changes].map(([id, host]) => `${id}:${host?.rack ?? '-'}:${host?.state ?? ''}`).join()}: ${taken}`,
    );
    this.#tell(`patch ${taken}`);
    if (taken) story.patched(changes);
  }

  async #say(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
    const by = chance.of(['observer', 'observer', 'watcher']);
    const said = {
      artifact: chance.of(['sha256:a1', 'sha256:a1', 'sha256:b2']),
      name: 'canary',
      status: chance.of(['passed', 'passed', 'passed', 'passed', 'failed', 'unknown'] as const),
      ...(chance.once(3) &&
        (chance.once(3)
          ? { dimension: 'team', value: chance.of(['core', 'edge']) }
          : { dimension: 'rack', value: chance.of(RACKS) })),
    };
    const gate = this.#gate;
    await gate.gate.evidence.post(said, gate.principal(by), () => true);
    this.#note(`${by} says ${JSON.stringify(said)}`);
    const { artifact, name, status, dimension, value } = said;
    story.seen.push({
      artifact,
      name,
      status,
      ...(value !== undefined && { of: `${dimension} ${value}` }),
      by,
      atMs: story.nowMs,
      order: story.order(),
    });
  }

  async #reload(): Promise<void> {
    const { story } = this;
    const chance = this.#chance;
    const said = chance.once(2)
      ? { ...someSaid(chance, story.nowMs, this.#theme), actions: story.said.actions }
      : chance.once(3)
        ? chance.of([...this.#revisions.values()])
        : someSaid(chance, story.nowMs, this.#theme);
    const doc = limitsDoc(said);
    writeLimits(this.#place.folder, doc);
    try {
      for (const gate of this.#gates) {
        const activation = await gate.reload();
        this.#tell(`reload ${activation}`);
        this.#note(`reload ${activation} ${JSON.stringify(doc)}`);
        if (activation === 'stale') {
          writeLimits(this.#place.folder, limitsDoc(story.said));
          return;
        }
        story.said = this.#revisions.get(JSON.stringify(doc)) ?? said;
        this.#revisions.set(JSON.stringify(doc), story.said);
      }
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'FileError') throw error;
      this.#tell('limits refused');
      this.#note(`limits refused: ${error.message}`);
      writeLimits(this.#place.folder, limitsDoc(story.said));
    }
  }

  async #restart(): Promise<void> {
    // What it has on the wire would be waited for. A start on a clock that is a little behind is a jump of its own.
    if (this.story.jumped || this.#place.clocks.databaseMs < this.story.nowMs) return;
    if (this.#place.executor.held().size > 0) return;
    const index = this.#chance.below(2);
    const old = this.#gates[index];
    await old?.gate.close();
    const fresh = await OneGate.start(
      { ...this.#place, clock: this.#place.clocks.gates },
      `g${index}-${this.log.length}`,
    );
    this.#gates[index] = fresh;
    this.#tell('restart');
    this.#note('restart');
  }
}

const many = <T>(times: number, one: T): T[] => Array.from({ length: times }, () => one);

export const bodyOf = ({ action, ids, artifact, generation }: Asked): Doc => ({
  action,
  targets: { ids },
  reason: 'a test',
  ...(artifact !== undefined && { artifact }),
  ...(generation !== undefined && { plan: { name: 'plan', generation } }),
});

const lineOf = (id: string, { quarantinedAtMs, traffic, ...labels }: Host): object => ({
  id,
  labels: {
    ...labels,
    ...(quarantinedAtMs !== undefined && { quarantined_at: new Date(quarantinedAtMs).toISOString() }),
  },
  weights: { traffic },
});
