import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Kind } from '../../src/config/config.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { Fault } from '../../src/kit/fault.ts';
import { freshId } from '../../src/kit/ids.ts';
import { isRefusal } from '../../src/kit/refusal.ts';
import { resolveTargets } from '../../src/targets/resolve.ts';
import { describeWithPostgres, serverStore } from '../support/postgres.ts';
import {
  contents,
  freshKind,
  hostLine,
  hostLines,
  hostNames,
  inventoryOver,
  leftovers,
  ndjson,
  oncall,
  plainLedger,
  refusedWith,
  requestOf,
  taken,
} from './loading.ts';

/** A stream that hands over what it is given, when it is given it. */
class Feed implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  #ended = false;
  #wake: () => void = () => undefined;
  #closed = false;
  /** Called when all that was sent is taken and more is asked for, or nothing ever will be. */
  #starved: () => void = () => undefined;

  async send(lines: readonly object[]): Promise<void> {
    if (this.#closed) return;
    this.#pieces.push(Buffer.from(ndjson(lines)));
    await new Promise<void>(resolve => {
      this.#starved = resolve;
      this.#wake();
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece !== undefined) yield piece;
        else if (this.#ended) return;
        else await this.#more();
      }
    } finally {
      this.#closed = true;
      this.#starved();
    }
  }

  async #more(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      this.#starved();
    });
  }
}

describeWithPostgres('of a kind there is one writer, on a server', () => {
  let store: Awaited<ReturnType<typeof serverStore>>;
  let kind: Kind;
  let one: Inventory;
  let other: Inventory;

  beforeAll(async () => {
    store = await serverStore();
  });
  afterAll(async () => {
    await store.close();
  });
  beforeEach(() => {
    kind = freshKind();
    // Two gates on one store.
    one = inventoryOver(store, { kinds: [kind] });
    other = inventoryOver(store, { kinds: [kind] });
  });
  afterEach(async () => {
    await one.tidied();
    await other.tidied();
  });

  const request = (lines: readonly object[]) => requestOf(lines, { kind: kind.name });
  const begin = async (count: number) => taken(await one.put(request(hostLines(count))));
  /** A load that has sent some lines, of which at least 500 are written, and waits for more. */
  async function halfway(lines: readonly object[]) {
    const feed = new Feed();
    const loading = one.put(requestOf([], { kind: kind.name, content: feed }));
    await feed.send(lines);
    return { feed, loading };
  }
  const age = async (seconds: number) =>
    await sql`update inventory_loads set heartbeat_at = heartbeat_at - make_interval(secs => ${seconds})
      where kind = ${kind.name}`.execute(store.db);
  const pending = async (): Promise<number> => {
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from inventory_targets where kind = ${kind.name}
        and from_revision > (select revision from inventory_kinds where kind = ${kind.name})`.execute(
      store.db,
    );
    return rows[0]?.n ?? 0;
  };

  it('another load and a PATCH are refused while one is under way, and then taken', async () => {
    await begin(1000);
    const { feed, loading } = await halfway(hostLines(1000, { rack: 'r2' }, 1));
    const busy = [
      await other.put(request(hostLines(1000))),
      await other.patch(request([hostLine('h-0001')])),
    ];
    for (const result of busy)
      expect(refusedWith(result)).toMatchObject({ status: 409, reasons: [{ rule: 'inventory.busy' }] });
    feed.end();
    expect(refusedWith(await loading).reasons[0].rule).toBe('inventory.changed');
    expect(taken(await other.put(request(hostLines(1000))))).toMatchObject({ revision: 2 });
  });

  it('of fifty loads at once one is taken, and the others are refused or follow it', async () => {
    const results = await Promise.all(
      Array.from(
        { length: 50 },
        async (_, n) => await (n % 2 === 0 ? one : other).put(request(hostLines(20))),
      ),
    );
    const revisions = results.flatMap(result =>
      result === undefined || isRefusal(result) ? [] : [result.revision],
    );
    expect(revisions.length).toBeGreaterThan(0);
    expect(revisions.toSorted((a, b) => a - b)).toEqual(revisions.map((_, index) => index + 1));
    const refusals = results.flatMap(result => (result !== undefined && isRefusal(result) ? [result] : []));
    expect(new Set(refusals.map(({ reasons }) => reasons[0].rule))).toEqual(new Set(['inventory.busy']));
    await one.tidied();
    await other.tidied();
    expect((await contents(store, kind)).rows).toHaveLength(20);
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('a decision reads the revision in force, whole, while a load is under way and after it is discarded', async () => {
    await begin(1000);
    const { feed, loading } = await halfway([
      ...hostLines(900, { rack: 'r2' }),
      ...hostLines(200, { rack: 'r1' }, 2001),
    ]);
    expect(await pending()).toBeGreaterThan(0);
    const [first = '', ...rest] = hostNames(1000);
    const look = async () => {
      const ids = await resolveTargets(store.db, kind.name, { ids: [first, ...rest] }, 1);
      const rack = await resolveTargets(store.db, kind.name, { selector: { rack: ['r1'] }, expect: 1000 }, 1);
      return [ids, rack].map(set => (isRefusal(set) ? set.reasons : [set.digest, set.labelsDigest]));
    };
    const [before, byRack] = await look();
    expect(before).toEqual(byRack);
    const none = await resolveTargets(store.db, kind.name, { selector: { rack: ['r2'] }, expect: 1 }, 1);
    expect(isRefusal(none) && none.reasons[0]).toMatchObject({
      rule: 'targets.unexpected_count',
      measured: 0,
    });
    expect((await contents(store, kind)).revision).toBe(1);
    feed.end();
    expect(refusedWith(await loading).status).toBe(409);
    expect(await look()).toEqual([before, before]);
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('a load that fell silent keeps its place for a minute, then loses it with all that it wrote', async () => {
    await begin(1000);
    const { feed, loading } = await halfway(hostLines(1000, { extra: 'x' }));
    expect(await pending()).toBeGreaterThan(0);
    await age(55);
    expect(refusedWith(await other.put(request(hostLines(1000)))).reasons[0].rule).toBe('inventory.busy');
    await age(10);
    expect(taken(await other.put(request(hostLines(1000))))).toEqual({
      revision: 2,
      count: 1000,
      added: 0,
      removed: 0,
      changed: 0,
    });
    // The one that lost its place wakes up: it can neither write nor come into force.
    await feed.send(hostLines(1000, { extra: 'x' }, 5001));
    feed.end();
    expect(refusedWith(await loading).reasons[0].rule).toBe('inventory.busy');
    await other.tidied();
    expect((await contents(store, kind)).rows.map(row => row.id)).toEqual(hostNames(1000));
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('a load that lost its place right before the flip does not come into force', async () => {
    await begin(100);
    const overtaken = inventoryOver(store, {
      kinds: [kind],
      ledger: plainLedger(store, {
        beforeFlip: async () => {
          await age(61);
          taken(await other.put(request(hostLines(95))));
        },
      }),
    });
    expect(refusedWith(await overtaken.put(request(hostLines(99)))).reasons[0].rule).toBe('inventory.busy');
    await other.tidied();
    expect((await contents(store, kind)).rows).toHaveLength(95);
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('what a killed gate left is discarded by the next load, however far it came', async () => {
    await begin(1000);
    const killed = inventoryOver(store, {
      kinds: [kind],
      ledger: { ...plainLedger(store), flip: async () => await new Promise<never>(() => undefined) },
    });
    // Whole but for its flip: added, changed and removed rows, and totals.
    void killed.put(
      request([...hostLines(100, { rack: 'r2' }), ...hostLines(850, {}, 101), ...hostLines(9, {}, 3001)]),
    );
    await expect.poll(pending, { timeout: 10_000 }).toBe(109);
    await expect
      .poll(async () => {
        const { rows } = await sql<{ n: number }>`select count(*) as n from inventory_total_versions
          where kind = ${kind.name} and from_revision = 2`.execute(store.db);
        return rows[0]?.n;
      })
      .toBe(3);
    expect((await contents(store, kind)).rows).toHaveLength(1000);
    await age(61);
    expect(taken(await other.patch(request([hostLine('h-0001', { note: 'x' })])))).toMatchObject({
      revision: 2,
    });
    await other.tidied();
    expect((await contents(store, kind)).totals).toEqual({
      'region=eu': [1000, 1000],
      'rack=r1': [1000, 1000],
    });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('what is discarded, or taken over, is of its own kind alone, and what PATCHes have said stays', async () => {
    await begin(1001);
    taken(await one.patch(request([hostLine('h-0001', { note: 'x' })])));
    const patches = async (): Promise<number> => {
      const { rows } = await sql`select from inventory_patches where kind = ${kind.name}`.execute(store.db);
      return rows.length;
    };
    const tooFew = { query: { expect: '9999' } };
    const refused = await one.put(requestOf(hostLines(1001, { extra: 'y' }), { kind: kind.name, ...tooFew }));
    expect(refusedWith(refused).reasons[0].rule).toBe('inventory.unexpected_count');
    await one.tidied();
    expect([await patches(), await leftovers(store, kind)]).toEqual([1, 0]);
    const { feed, loading } = await halfway(hostLines(1001, { extra: 'x' }));
    // Of another kind one was killed; whoever forces the next one waits for nobody.
    const beside = freshKind();
    await sql`insert into inventory_loads (kind, load_id, heartbeat_at) values (${beside.name}, ${freshId()}, now())`.execute(
      store.db,
    );
    const forced = { by: oncall, query: { ...tooFew.query, force: 'shrink', reason: 'a test' } };
    const there = inventoryOver(store, { kinds: [beside] });
    refusedWith(await there.put(requestOf(hostLines(5), { kind: beside.name, ...forced })));
    await there.tidied();
    expect([await patches(), await leftovers(store, beside)]).toEqual([1, 0]);
    feed.end();
    expect(taken(await loading)).toMatchObject({ revision: 3, count: 1001, added: 0 });
    expect((await contents(store, kind)).rows).toHaveLength(1001);
  });

  it('a flip whose commit was not answered is not taken back if it came through', async () => {
    await begin(100);
    const plain = plainLedger(store);
    const unsure = inventoryOver(store, {
      kinds: [kind],
      ledger: {
        ...plain,
        flip: async flip => {
          await plain.flip(flip);
          throw new Fault('forward.commit_unknown', 'the connection broke');
        },
      },
    });
    await expect(unsure.put(request(hostLines(95)))).rejects.toThrow(Fault);
    expect(await contents(store, kind)).toMatchObject({ revision: 2, rows: { length: 95 } });
    expect(taken(await other.put(request(hostLines(94))))).toMatchObject({ revision: 3, removed: 1 });
  });

  it('a flip that the ledger did not make leaves nothing', async () => {
    await begin(100);
    const refusing = inventoryOver(store, {
      kinds: [kind],
      ledger: {
        ...plainLedger(store),
        flip: async () => await Promise.reject(new Fault('store.undecided', 'withdrawn')),
      },
    });
    await expect(refusing.put(request(hostLines(95, { note: 'x' })))).rejects.toThrow('withdrawn');
    expect(await leftovers(store, kind)).toBe(0);
    expect(await contents(store, kind)).toMatchObject({ revision: 1, rows: { length: 100 } });
  });

  it('a database that fails in the middle is a fault, and nothing comes into force', async () => {
    await begin(1000);
    const { feed, loading } = await halfway(hostLines(600, { extra: 'x' }));
    const failed = loading.catch((error: unknown) => error);
    await sql`alter table inventory_targets add constraint no_more check (from_revision < 2) not valid`.execute(
      store.db,
    );
    await feed.send(hostLines(600, { extra: 'x' }, 601));
    feed.end();
    expect(await failed).toBeInstanceOf(Fault);
    await sql`alter table inventory_targets drop constraint no_more`.execute(store.db);
    expect(await leftovers(store, kind)).toBe(0);
    expect(await contents(store, kind)).toMatchObject({ revision: 1, rows: { length: 1000 } });
  });
});
