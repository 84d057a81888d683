import type { Scope } from '../../src/ledger/book.ts';
import type { Doc } from '../support/gate.ts';
import { AnyPlay, many, type Place } from './any-play.ts';
import { ACTIONS, writeFiles, writeLimits } from './gates.ts';
import { overs, IDS, RACKS, REQUESTERS, someHost, someSaid, type Theme } from './any-limits.ts';
import { limitsDoc, type Said } from './said.ts';
import type { Host, Operation } from './history.ts';
import { Promises } from './promises.ts';
import type { Asked } from './story.ts';

/** What a play begins with; all else follows from it, but for the order of what is asked at once. */
export interface Plot {
  readonly seed: number;
  /** What limits most often. */
  readonly theme: Theme;
  /** Whether the database's clock is set now and then. */
  readonly clocksMove: boolean;
}

/** One story, told by chance. */
export class Play extends AnyPlay<Operation, Promises> {
  readonly story: Promises;
  /** Much of it is taken and not settled, so that others wait. */
  protected readonly manners = [
    ...(['ok', 'ok', 'accept', 'accept', 'accept', 'hold', 'refuse', 'fail', 'drop'] as const),
  ];
  #sent: { by: string; body: Doc; key: string; id: string }[] = [];
  #revisions = new Map<string, Said>();
  readonly #theme: Theme;

  constructor(place: Place, plot: Plot) {
    super(place, plot);
    this.#theme = plot.theme;
    const { databaseMs } = place.clocks;
    this.story = new Promises(someSaid(this.chance, databaseMs, plot.theme), databaseMs);
  }

  override async begin(): Promise<void> {
    const { story } = this;
    this.listen();
    for (;;) {
      try {
        writeFiles(this.place.folder, this.place.executor, limitsDoc(story.said));
        await this.startGates();
        break;
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'FileError') throw error;
        this.tell('limits refused');
        this.note(`limits refused: ${error.message}`);
        story.said = someSaid(this.chance, story.nowMs, this.#theme);
      }
    }
    this.#revisions.set(JSON.stringify(limitsDoc(story.said)), story.said);
    this.note(JSON.stringify(limitsDoc(story.said)));
    await this.#put();
  }

  /** What may happen, the more often the more times it stands here. */
  readonly #steps: readonly (() => Promise<void>)[] = [
    ...many(48, async () => await this.#ask()),
    ...many(5, async () => await this.#askTogether()),
    ...many(14, async () => await this.#pass()),
    ...many(8, async () => await this.report()),
    ...many(3, async () => await this.release()),
    ...many(2, async () => await this.cancel()),
    ...many(1, async () => await this.#engage()),
    ...many(4, async () => await this.releaseSwitch()),
    ...many(4, async () => await this.#put()),
    ...many(3, async () => await this.#patch()),
    ...many(6, async () => await this.#say()),
    ...many(3, async () => await this.#reload()),
    ...many(1, async () => await this.restart()),
  ];

  protected override async happen(): Promise<void> {
    await this.chance.of(this.#steps)();
  }

  #some(): Asked {
    const chance = this.chance;
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
    const chance = this.chance;
    const asked = this.#some();
    if (asked.ids.length === 0) return;
    this.choose();
    const body = bodyOf(asked);
    if (chance.once(8)) return await this.#preflight(asked, body);
    const earlier = this.#sent.length > 0 && chance.once(12) ? chance.of(this.#sent) : undefined;
    if (earlier !== undefined) {
      const again = await this.gate.ask(earlier.by, earlier.body, earlier.key);
      this.tell('repeat');
      if (!again.replayed || again.document.id !== earlier.id)
        this.story.wrong.push(`${earlier.key} was decided again`);
      return;
    }
    await this.#send([asked]);
  }

  async #askTogether(): Promise<void> {
    const all = Array.from({ length: this.chance.between(2, 5) }, () => this.#some()).filter(
      ({ ids }) => ids.length > 0,
    );
    this.choose();
    await this.#send(all);
  }

  async #send(all: readonly Asked[]): Promise<void> {
    await this.askAll(all, bodyOf, (asked, { document, status }, key, isRecorded) => {
      const { id, decision, exceptions = [] } = document;
      const rules = [...new Set(document.reasons.map(({ rule }) => rule))].toSorted();
      this.note(`${JSON.stringify(asked)}: ${status} ${id} ${rules.join()} ${exceptions.join()}`);
      for (const what of [decision, ...rules, ...(exceptions.length > 0 ? ['under an exception'] : [])])
        this.tell(what);
      this.story.answered(asked, { id, decision, rules, exceptions }, isRecorded);
      if (status !== 429 && status !== 503) this.#sent.push({ by: asked.by, body: bodyOf(asked), key, id });
    });
  }

  async #preflight(asked: Asked, body: Doc): Promise<void> {
    const { document } = await this.gate.ask(asked.by, body, 'preflight');
    const wrong =
      document.decision === 'allowed' ? this.story.againstAllow(asked, document.exceptions ?? []) : [];
    this.tell(`preflight ${document.decision}`);
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
      edges.length > 0 && !this.chance.once(3)
        ? this.chance.of(edges) + this.chance.of([-1, 0, 0, 1])
        : story.nowMs + this.chance.of([1, 500, 501, 1_000, 3_000]);
    await this.pass(Math.max(1, edge - story.nowMs));
  }

  async #engage(): Promise<void> {
    const chance = this.chance;
    const action = chance.once(2) ? chance.of(ACTIONS) : undefined;
    const region = action === undefined && chance.once(2) ? chance.of(['eu', 'us']) : undefined;
    const except = chance.once(3) ? [chance.of(REQUESTERS)] : [];
    const scope: Scope =
      action === undefined
        ? region === undefined
          ? {}
          : { dimension: 'region', value: region }
        : { action };
    await this.engage(scope, {
      ...(action !== undefined && { action }),
      ...(region !== undefined && { region }),
      except,
    });
  }

  async #put(): Promise<void> {
    const { story } = this;
    const chance = this.chance;
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
      (await this.gate.load(
        'put',
        [...hosts].map(([id, host]) => lineOf(id, host)),
        asOfMs,
      ));
    this.note(`put ${hosts.size} as of ${asOfMs - story.nowMs}: ${taken}`);
    this.tell(`put ${taken}`);
    if (taken) story.loaded(hosts, asOfMs);
  }

  async #patch(): Promise<void> {
    const { story } = this;
    const chance = this.chance;
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
    const taken = await this.gate.load('patch', lines);
    this.note(
      `patch ${[...changes].map(([id, host]) => `${id}:${host?.rack ?? '-'}:${host?.state ?? ''}`).join()}: ${taken}`,
    );
    this.tell(`patch ${taken}`);
    if (taken) story.patched(changes);
  }

  async #say(): Promise<void> {
    const chance = this.chance;
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
    const { dimension, value } = said;
    await this.say(said, by, value === undefined ? undefined : `${dimension} ${value}`);
  }

  async #reload(): Promise<void> {
    const { story } = this;
    const chance = this.chance;
    const said = chance.once(2)
      ? { ...someSaid(chance, story.nowMs, this.#theme), actions: story.said.actions }
      : chance.once(3)
        ? chance.of([...this.#revisions.values()])
        : someSaid(chance, story.nowMs, this.#theme);
    const doc = limitsDoc(said);
    writeLimits(this.place.folder, doc);
    try {
      for (const gate of this.gates) {
        const activation = await gate.reload();
        this.tell(`reload ${activation}`);
        this.note(`reload ${activation} ${JSON.stringify(doc)}`);
        if (activation === 'stale') {
          writeLimits(this.place.folder, limitsDoc(story.said));
          return;
        }
        story.said = this.#revisions.get(JSON.stringify(doc)) ?? said;
        this.#revisions.set(JSON.stringify(doc), story.said);
      }
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'FileError') throw error;
      this.tell('limits refused');
      this.note(`limits refused: ${error.message}`);
      writeLimits(this.place.folder, limitsDoc(story.said));
    }
  }
}

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
