import { sql } from 'kysely';

import type { Kind } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import type { Scope } from '../../src/ledger/book.ts';
import type { Doc } from '../support/gate.ts';
import { Chance } from './chance.ts';
import type { Clocks } from './clocks.ts';
import { OneGate, settle, type Answered } from './gates.ts';
import type { Asked, Stopping, Story, Told } from './story.ts';
import type { Manner, ToldExecutor } from './told-executor.ts';

export interface Place {
  readonly folder: string;
  readonly store: Store;
  readonly clocks: Clocks;
  readonly executor: ToldExecutor;
}

/** Two gates, and what is done to them in any play. */
export abstract class AnyPlay<O extends Told, S extends Story<O>> {
  abstract readonly story: S;
  readonly log: string[] = [];
  readonly told = new Map<string, number>();
  protected readonly chance: Chance;
  protected readonly place: Place;
  protected gates: OneGate[] = [];
  /** What becomes of all that is sent next. */
  protected abstract readonly manners: readonly Manner[];
  readonly #clocksMove: boolean;
  #keys = 0;
  #starts = 0;

  constructor(place: Place, { seed, clocksMove }: { readonly seed: number; readonly clocksMove: boolean }) {
    this.place = place;
    this.chance = new Chance(seed);
    this.#clocksMove = clocksMove;
  }

  protected note(what: string): void {
    this.log.push(`${this.story.nowMs % 10_000_000} ${what}`);
  }

  protected tell(what: string): void {
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
  }

  protected listen(): void {
    this.place.executor.onCame = came => {
      this.note(`   came ${came.action} ${came.request.slice(-6)} ${came.manner}`);
      this.tell(`came ${came.manner}`);
      this.story.came(came);
    };
  }

  /** Before the first step. */
  abstract begin(): Promise<void>;

  protected async startGates(): Promise<void> {
    this.gates = [await this.#oneGate(), await this.#oneGate()];
  }

  async #oneGate(): Promise<OneGate> {
    const parts = { ...this.place, clock: this.place.clocks.gates };
    return await OneGate.start(parts, `g${(this.#starts += 1)}`);
  }

  protected get gate(): OneGate {
    return this.chance.of(this.gates);
  }

  get kind(): Kind {
    return this.gate.kind;
  }

  /** Whatever may happen next, but for the clocks. */
  protected abstract happen(): Promise<void>;

  /** @throws where something that happened must not, with all that led to it */
  async step(): Promise<void> {
    const { story, chance } = this;
    if (story.jumped && chance.once(3)) await this.#endJump();
    else if (this.#clocksMove && !story.jumped && chance.once(25)) await this.#stepClock();
    else await this.happen();
    await this.rest();
    await this.lookBehind();
    if (story.wrong.length > 0) throw new Error([...this.log, ...story.wrong].join('\n'));
  }

  /** What else is looked at behind a step. */
  protected async lookBehind(): Promise<void> {}

  async end(): Promise<void> {
    const { executor } = this.place;
    executor.onCame = () => undefined;
    // What is freed by an answer is sent, and would be held where nobody lets it go any more.
    executor.manners = [];
    executor.releaseAll();
    for (const { gate } of this.gates) await gate.close();
  }

  protected choose(): void {
    this.place.executor.manners = Array.from({ length: 8 }, () => this.chance.of(this.manners));
  }

  protected async rest(): Promise<void> {
    const { story } = this;
    await settle(this.place.store, this.gates, this.place.executor);
    story.catchUp();
    // A gate's word that something is never sent binds it.
    const { rows } = await sql<{ id: string; outcome: string; phase: string }>`
      select id::text as id, outcome, phase from operations`.execute(this.place.store.db);
    for (const { id, outcome, phase } of rows) {
      const one = story.operations.find(each => each.id === id);
      if (one === undefined) story.wrong.push(`${id} is allowed, and nobody was told`);
      else if (outcome === 'stopped') this.isStopped(one);
      else if (phase !== 'waiting' && outcome !== 'pending' && outcome !== one.state && one.state !== 'wire')
        story.wrong.push(`${id} is said to be ${outcome}, and is ${one.state}`);
    }
  }

  /** It is said to be stopped. */
  protected isStopped(one: O): void {
    if (one.came.length > 0) this.story.wrong.push(`${one.id} came, and is said to be stopped`);
    if (one.state !== 'stopped') this.note(`   stopped ${one.id.slice(-6)}`);
    one.state = 'stopped';
  }

  // Requests.

  /** Asks all of these at once, and tells their answers in the order in which they were decided. */
  protected async askAll<A extends Asked>(
    all: readonly A[],
    bodyOf: (asked: A) => Doc,
    hear: (asked: A, answer: Answered, key: string, isRecorded: boolean) => void,
  ): Promise<void> {
    const keyed = all.map(asked => ({ asked, key: `key-${(this.#keys += 1)}` }));
    const answers = await Promise.all(
      keyed.map(async ({ asked, key }) => ({
        ...{ asked, key },
        answer: await this.gate.ask(asked.by, bodyOf(asked), key),
      })),
    );
    const { rows } = await sql<{ id: string; seq: number }>`
      select id::text as id, seq::int as seq from decisions where seq is not null`.execute(
      this.place.store.db,
    );
    const seqs = new Map(rows.map(({ id, seq }) => [id, seq]));
    const seqOf = ({ answer }: { readonly answer: Answered }): number => seqs.get(answer.document.id) ?? 0;
    for (const { asked, answer, key } of answers.toSorted((a, b) => seqOf(a) - seqOf(b)))
      hear(asked, answer, key, seqs.has(answer.document.id));
    this.story.catchUp();
    const [only, ...more] = answers;
    if (only !== undefined && more.length === 0)
      await this.#tryWhatPasses(only.asked, only.answer, bodyOf(only.asked));
  }

  /** Of a request that limits alone refuse, so many as it is told do pass, and one more does not; nothing is used up by looking. */
  async #tryWhatPasses(asked: Asked, { document, status }: Answered, body: Doc): Promise<void> {
    const { id, decision, passes = 0 } = document;
    if (decision !== 'refused' || (status !== 403 && status !== 429)) return;
    // A part of it may be of another run than the whole, of which nothing is told.
    const isUntold = document.passes === undefined && asked.generation !== undefined;
    const ids = asked.ids.toSorted();
    /** What is against so many; undefined where nothing is. The refusal counts as a request itself, and may have been the last there was. */
    const against = async (count: number): Promise<string | undefined> => {
      const first = { ...body, targets: { ids: ids.slice(0, count) } };
      const answer = await this.gates[0]?.ask(asked.by, first, 'preflight');
      if (answer?.document.decision === 'allowed') return undefined;
      return answer?.document.reasons.map(({ rule }) => rule).join() ?? 'nothing was told';
    };
    const stillAgainst = passes > 0 ? await against(passes) : undefined;
    if (stillAgainst !== undefined && stillAgainst !== 'budget.requests')
      this.story.wrong.push(`${id} is told that ${passes} would pass, and ${stillAgainst} is against them`);
    if (!isUntold && passes + 1 < ids.length && (await against(passes + 1)) === undefined)
      this.story.wrong.push(`${id} is told that ${passes} would pass, and one more does`);
    this.tell(passes > 0 ? 'some would pass' : 'none would pass');
  }

  // Time.

  protected async pass(ms: number): Promise<void> {
    const { story } = this;
    // Its executor's time-out would be over: the timers of this process do not know of it.
    for (const one of story.operations)
      if (one.state === 'wire' && story.nowMs + ms - (one.came.at(-1) ?? 0) >= 30_000)
        await this.releaseOne(one, 'fail');
    await this.place.clocks.pass(ms);
    if (story.jumped) story.nowMs += ms;
    else story.nowMs = Math.max(story.nowMs, this.place.clocks.databaseMs);
    this.note(`passed ${ms}`);
    await this.tick();
  }

  protected async tick(): Promise<void> {
    this.choose();
    for (const { gate } of this.gates) await gate.outcomes.tick();
  }

  async #stepClock(): Promise<void> {
    const { story } = this;
    const { clocks } = this.place;
    const by = this.chance.of([
      -3_600_000, -20_000, -6_000, -3_000, -500, 500, 3_000, 6_000, 20_000, 3_600_000,
    ]);
    const isJump = Math.abs(by) > 5_000;
    // Small steps that have come to so much together are a jump if an entry was written before them: not all that writes one is known here.
    if (!isJump && story.nowMs - (clocks.databaseMs + by) > 5_000) return;
    for (const one of story.operations) if (one.state === 'wire') await this.releaseOne(one, 'fail');
    await this.rest();
    const before = clocks.databaseMs;
    await clocks.stepDatabase(by);
    story.jumped = isJump;
    this.tell(`clock ${isJump ? 'jumped' : 'stepped'}`);
    this.note(`the database's clock steps by ${by} from ${before}`);
    if (!isJump) story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
    await this.tick();
  }

  async #endJump(): Promise<void> {
    const { story } = this;
    const { clocks } = this.place;
    if (this.chance.once(2)) {
      const by = clocks.gates.wallMs() - clocks.databaseMs;
      await clocks.stepDatabase(by);
      story.jumped = false;
      story.nowMs = Math.max(story.nowMs, clocks.databaseMs);
      this.note(`the database's clock is put back by ${by}`);
      this.tell('clock put back');
    } else {
      clocks.setWall();
      story.accepted(clocks.databaseMs);
      story.nowMs = clocks.databaseMs;
      story.jumped = false;
      const taken = await this.gate.accept();
      this.note(`accepted ${clocks.databaseMs}: ${taken}`);
      this.tell(`clock accepted ${taken}`);
      if (!taken) story.wrong.push('the jump was not to be accepted');
    }
    await this.tick();
  }

  // Outcomes.

  protected async report(): Promise<void> {
    const open = this.story.operations.filter(
      one =>
        one.came.length > 0 && (one.state !== 'delivered' || this.chance.once(10)) && one.state !== 'wire',
    );
    if (open.length === 0) return;
    await this.reportOne(
      this.chance.of(open),
      this.chance.of(['worker', 'oncall']),
      this.chance.of(['delivered', 'delivered', 'refused'] as const),
    );
  }

  protected async reportOne(one: O, by: string, status: 'delivered' | 'refused'): Promise<void> {
    const { story } = this;
    this.choose();
    const { gate } = this;
    // What its word frees may be sent within this very call.
    const before = { ...one };
    if (one.state !== 'delivered' && !(one.state === 'refused' && status === 'refused'))
      story.settled(one, status);
    const said = await gate.gate.outcomes.report(one.id, gate.principal(by), { status }, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.note(`${by} says ${one.id.slice(-6)} ${status} (was ${before.state}): ${taken}`);
    this.tell(`reported ${taken}`);
    if (!taken) Object.assign(one, before);
  }

  protected async release(): Promise<void> {
    const held = this.story.operations.filter(({ state }) => state === 'wire');
    if (held.length === 0) return;
    await this.releaseOne(this.chance.of(held), this.chance.of(['ok', 'fail', 'refuse', 'accept'] as const));
  }

  protected async releaseOne(one: O, manner: 'ok' | 'fail' | 'refuse' | 'accept'): Promise<void> {
    this.note(`released ${one.id.slice(-6)} ${manner}`);
    this.story.ended(one, manner);
    this.choose();
    this.place.executor.release(one.id, manner);
    await settle(this.place.store, this.gates, this.place.executor);
  }

  protected async cancel(): Promise<void> {
    const open = this.story.operations.filter(
      ({ state, came }) => state === 'waiting' || (state === 'unknown' && came.length < 3),
    );
    if (open.length === 0) return;
    const one = this.chance.of(open);
    const { gate } = this;
    const said = await gate.gate.outcomes.cancel(one.id, gate.principal(one.by), undefined, () => true);
    const taken = said !== undefined && !isRefusal(said);
    this.note(`cancel ${one.id.slice(-6)} (was ${one.state}): ${taken}`);
    this.tell(`cancelled ${taken}`);
    if (!taken) return;
    if (one.came.length > 0) this.story.wrong.push(`${one.id} was cancelled after it was sent`);
    one.state = 'stopped';
  }

  // Switches.

  protected async engage(
    scope: Scope,
    said: Pick<Stopping, 'action' | 'region' | 'rack' | 'except'>,
  ): Promise<void> {
    const { gate } = this;
    const { except } = said;
    const engaged = await gate.gate.killSwitch.engage(
      { scope, except, reason: 'a test' },
      gate.principal('oncall'),
    );
    if (isRefusal(engaged)) return;
    this.tell('engaged');
    this.note(`engaged ${JSON.stringify(scope)} except ${except.join()}`);
    const each = { id: engaged.id, ...said };
    this.story.engaged.push(each);
    for (const one of this.story.operations)
      if (one.state === 'waiting' && this.story.isStoppedBy(each, one)) one.state = 'stopped';
  }

  protected async releaseSwitch(): Promise<void> {
    const each = this.story.engaged[0];
    if (each === undefined) return;
    const { gate } = this;
    // Before: what waits for it is sent within this call.
    this.story.engaged = this.story.engaged.filter(one => one !== each);
    await gate.gate.killSwitch.release(each.id, 'over', gate.principal('oncall'), () => true);
    this.note('released a switch');
    await this.tick();
  }

  // Evidence.

  protected async say(
    said: Parameters<OneGate['gate']['evidence']['post']>[0] & {
      readonly status: 'passed' | 'failed' | 'unknown';
    },
    by: string,
    of: string | undefined,
  ): Promise<void> {
    const { story, gate } = this;
    await gate.gate.evidence.post(said, gate.principal(by), () => true);
    this.note(`${by} says ${JSON.stringify(said)}`);
    const { artifact, name, status } = said;
    story.seen.push({
      ...{ artifact, name, status, by },
      ...(of !== undefined && { of }),
      atMs: story.nowMs,
      order: story.order(),
    });
  }

  // Gates.

  /** What is on the wire would be waited for, and a start on a clock that is a little behind is a jump of its own. */
  protected get mayStart(): boolean {
    const { clocks, executor } = this.place;
    return !this.story.jumped && clocks.databaseMs >= this.story.nowMs && executor.held().size === 0;
  }

  protected async restart(): Promise<void> {
    if (!this.mayStart) return;
    const index = this.chance.below(2);
    await this.gates[index]?.gate.close();
    this.gates[index] = await this.#oneGate();
    this.tell('restart');
    this.note('restart');
  }
}

/** The same thing so often, for the more often it stands among what may happen, the more often it does. */
export const many = <T>(times: number, one: T): T[] => Array.from({ length: times }, () => one);
