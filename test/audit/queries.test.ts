import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReads } from '../../src/audit/queries.ts';
import type { Search } from '../../src/audit/search.ts';
import type { Sight } from '../../src/audit/sight.ts';
import type { Page, PageRequest } from '../../src/audit/views.ts';
import type { Database } from '../../src/db/database.ts';
import type { Store } from '../../src/db/store.ts';
import { Fault } from '../../src/kit/fault.ts';
import type { DecisionDocument, OutcomeStatus } from '../../src/ledger/decision.ts';
import type { BuiltinRule } from '../../src/kit/rules.ts';
import { memoryStore } from '../support/store.ts';

interface Recorded {
  readonly principal?: string;
  readonly mode?: DecisionDocument['mode'];
  readonly rules?: readonly BuiltinRule[];
  readonly targets?: readonly string[];
  readonly action?: string;
  readonly key?: string;
  readonly outcome?: OutcomeStatus;
  readonly outcomeRule?: BuiltinRule;
  readonly at?: string;
  readonly message?: string;
}

let store: Store;
let reads: ReturnType<typeof createReads>;
let seq = 0;
let count = 0;

beforeAll(async () => {
  store = await memoryStore();
  reads = createReads(store);
});
afterAll(async () => {
  await store.close();
});

const idOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Writes a decision as the ledger does, and gives its id. */
async function record(what: Recorded): Promise<string> {
  const { principal = 'bot', mode = 'request', rules = [], targets, action = 'disk.wipe', key } = what;
  count += 1;
  const id = idOf(count);
  const at = new Date(what.at ?? '2026-11-22T10:00:00Z');
  const decision = rules.length === 0 ? 'allowed' : 'refused';
  const digest = targets === undefined ? null : `sha256:${targets.join(',')}`;
  const document: DecisionDocument = {
    id,
    mode,
    decision,
    action,
    principal,
    ...(key !== undefined && { idempotency_key: key }),
    body_digest: 'sha256:b',
    ...(targets !== undefined && { targets: { count: targets.length, digest: digest ?? '' } }),
    reasons: rules.map(rule => ({ rule, message: what.message ?? 'no' })),
    decided_at: at.toISOString(),
  };
  await store.db.transaction().execute(async tx => {
    if (mode === 'request') {
      seq += 1;
      await sql`insert into entries (seq, at, type, prev, hash) values (${seq}, ${at}, 'decision', ${`h${seq - 1}`}, ${`h${seq}`})`.execute(
        tx,
      );
    }
    if (targets !== undefined) {
      await sql`insert into target_sets (kind, digest, ids, target_count) values ('host', ${digest}, ${targets}, ${targets.length}) on conflict do nothing`.execute(
        tx,
      );
    }
    await sql`insert into decisions (id, mode, seq, decided_at, principal, action, kind, decision, status, rules, idempotency_key, holds_key, body_digest, targets_digest, target_count, document)
      values (${id}, ${mode}, ${mode === 'request' ? seq : null}, ${at}, ${principal}, ${action}, 'host', ${decision}, ${decision === 'allowed' ? 200 : 422},
        ${rules}, ${key ?? null}, false, 'b', ${digest}, ${targets?.length ?? null}, ${JSON.stringify(document)})`.execute(
      tx,
    );
    if (what.outcome !== undefined) {
      await sql`insert into operations (id, seq, action, kind, principal, target_count, decided_at, dimension_values, policy_digest, inventory_revision, labels_digest, timeout_ms, valid_for_ms, idempotent, outcome, phase, attempts, rule, detail, http_status, settled_at, version)
        values (${id}, ${seq}, ${action}, 'host', ${principal}, 1, ${at}, '{}', 'p', 1, 'l', 1, 1, false, ${what.outcome}, ${what.outcome === 'pending' ? 'waiting' : 'ended'}, 1, ${what.outcomeRule ?? null}, 'said so', 200, ${at}, 1)`.execute(
        tx,
      );
    }
  });
  return id;
}

const all: Sight = { all: true };
const search = async (filters: Partial<Search> = {}, sight: Sight = all): Promise<string[]> => {
  const { items } = await reads.search({ mode: 'request', ...filters }, sight, { limit: 1000 });
  return items.map(item => item.id);
};

describe('an empty store', () => {
  it('has nothing to show, and no next page', async () => {
    expect(await reads.search({ mode: 'request' }, all, { limit: 10 })).toEqual({ items: [] });
    expect(await reads.trail({ limit: 10 })).toEqual({ items: [] });
    expect(await reads.one(idOf(1), all)).toBeUndefined();
    expect(await reads.targets(idOf(1), all, { limit: 10 })).toBeUndefined();
  });
});

describe('recorded requests', () => {
  let wiped = '';
  let pushed = '';
  let refusedEarly = '';
  let refusedLate = '';
  let preflight = '';

  beforeAll(async () => {
    wiped = await record({ targets: ['a', 'b'], key: 'k1', outcome: 'delivered' });
    refusedEarly = await record({ rules: ['targets.empty'], at: '2026-11-22T11:00:00.500Z' });
    refusedLate = await record({
      rules: ['targets.in_operation', 'targets.already_done'],
      targets: ['b'],
      principal: 'other',
    });
    preflight = await record({ mode: 'preflight', targets: ['b'] });
    pushed = await record({
      action: 'config.push',
      targets: ['c'],
      principal: 'other',
      outcome: 'refused',
      outcomeRule: 'executor.refused',
    });
  });

  it('are searched newest first, pre-flights only when asked for', async () => {
    expect(await search()).toEqual([pushed, refusedLate, refusedEarly, wiped]);
    expect(await search({ mode: 'preflight' })).toEqual([preflight]);
  });

  it.each<[Partial<Search>, () => string[]]>([
    [{ decision: 'fault' }, () => []],
    [{ decision: 'allowed' }, () => [pushed, wiped]],
    [{ outcome: 'refused' }, () => [pushed]],
    [{ outcome: 'pending' }, () => []],
    [{ action: 'config.push' }, () => [pushed]],
    [{ principal: 'bot' }, () => [refusedEarly, wiped]],
    [{ principal: "bot' or true --" }, () => []],
    [{ rule: 'targets.already_done' }, () => [refusedLate]],
    [{ rule: 'executor.refused' }, () => [pushed]],
    [{ rule: 'targets' }, () => []],
    [{ rule: '{}' }, () => []],
    [{ target: 'b' }, () => [refusedLate, wiped]],
    [{ target: 'b,c' }, () => []],
    [{ target: '{}' }, () => []],
    [{ idempotencyKey: 'k1' }, () => [wiped]],
    [{ idempotencyKey: 'k' }, () => []],
    [{ sinceMs: Date.parse('2026-11-22T11:00:00.500Z') }, () => [refusedEarly]],
    [{ sinceMs: Date.parse('2026-11-22T11:00:00.501Z') }, () => []],
    [{ untilMs: Date.parse('2026-11-22T10:00:00.001Z') }, () => [pushed, refusedLate, wiped]],
    [{ untilMs: Date.parse('2026-11-22T10:00:00Z') }, () => []],
    [{ target: 'b', decision: 'refused', principal: 'other' }, () => [refusedLate]],
    [{ target: 'b', decision: 'refused', principal: 'bot' }, () => []],
  ])('are found by %j', async (filters, expected) => {
    expect(await search(filters)).toEqual(expected());
  });

  it('are shown to those who may see them, in every way of reading', async () => {
    const own: Sight = { all: false, own: 'other', settles: false };
    const settles: Sight = { all: false, settles: true };
    const nothing: Sight = { all: false, settles: false };
    expect(await search({}, own)).toEqual([pushed, refusedLate]);
    expect(await search({}, settles)).toEqual([pushed, wiped]);
    expect(await search({ mode: 'preflight' }, settles)).toEqual([]);
    expect(await search({}, { ...own, settles: true })).toEqual([pushed, refusedLate, wiped]);
    expect(await search({}, nothing)).toEqual([]);
    const seenBy: [Sight, string[]][] = [
      [own, [pushed, refusedLate]],
      [settles, [pushed, wiped]],
      [nothing, []],
    ];
    for (const [sight, seen] of seenBy) {
      for (const id of [pushed, refusedLate, refusedEarly, wiped, preflight]) {
        const sees = seen.includes(id);
        expect((await reads.one(id, sight)) !== undefined).toBe(sees);
        expect((await reads.targets(id, sight, { limit: 1 })) !== undefined).toBe(sees);
      }
    }
  });

  it('are the document with status and present outcome', async () => {
    expect(await reads.one(wiped, all)).toEqual({
      id: wiped,
      mode: 'request',
      idempotency_key: 'k1',
      body_digest: 'sha256:b',
      decision: 'allowed',
      action: 'disk.wipe',
      principal: 'bot',
      targets: { count: 2, digest: 'sha256:a,b' },
      reasons: [],
      decided_at: '2026-11-22T10:00:00.000Z',
      status: 200,
      outcome: {
        status: 'delivered',
        http_status: 200,
        detail: 'said so',
        attempts: 1,
        settled_at: '2026-11-22T10:00:00.000Z',
      },
    });
    expect(await reads.one(refusedEarly, all)).not.toHaveProperty('outcome');
  });

  it('are paged by a place that stays right while rows are added', async () => {
    const first = await reads.search({ mode: 'request' }, all, { limit: 2 });
    expect(first.items.map(item => item.id)).toEqual([pushed, refusedLate]);
    const added = await record({ targets: ['z'], outcome: 'pending' });
    const from = first.next ?? 0;
    const second = await reads.search({ mode: 'request' }, all, { limit: 2, from });
    expect(second.items.map(item => item.id)).toEqual([refusedEarly, wiped]);
    expect(second).not.toHaveProperty('next');
    expect((await search())[0]).toBe(added);
  });

  it('have their targets in order, in pages', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `host-${String(index).padStart(2, '0')}`);
    const id = await record({ targets: ids });
    expect(await reads.targets(refusedEarly, all, { limit: 10 })).toBe('unresolved');
    expect(await reads.targets(id, all, { limit: 10 })).toEqual({ items: ids.slice(0, 10), next: 10 });
    expect(await reads.targets(id, all, { limit: 10, from: 20 })).toEqual({ items: ids.slice(20) });
    expect(await reads.targets(id, all, { limit: 5, from: 20 })).toEqual({ items: ids.slice(20) });
    expect(await reads.targets(id, all, { limit: 5, from: Number.MAX_SAFE_INTEGER - 10 })).toEqual({
      items: [],
    });
  });
});

describe('the trail', () => {
  it('is the chain in order without a gap, decisions with their documents', async () => {
    seq += 1;
    await sql`insert into entries (seq, at, type, body, prev, hash)
      values (${seq}, '2026-11-22T12:00:00.250Z', 'kill_switch', '{"event":"engage","z":1,"a":"\\u2028"}', ${`h${seq - 1}`}, ${`h${seq}`})`.execute(
      store.db,
    );
    const { items } = await reads.trail({ limit: 1000 });
    expect(items.map(entry => entry.seq)).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
    expect(items[0]).toMatchObject({
      seq: 1,
      type: 'decision',
      prev: 'h0',
      hash: 'h1',
      body: { id: idOf(1), decision: 'allowed' },
    });
    expect(items.at(-1)).toEqual({
      seq,
      at: '2026-11-22T12:00:00.250Z',
      type: 'kill_switch',
      body: { event: 'engage', z: 1, a: '\u2028' },
      prev: `h${seq - 1}`,
      hash: `h${seq}`,
    });
    const first = await reads.trail({ limit: 2 });
    expect(first.next).toBe(2);
    expect((await reads.trail({ limit: 1, from: 2 })).items[0]?.seq).toBe(3);
  });
});

describe('a database that is away', () => {
  it('is a fault, and never an empty answer', async () => {
    const gone = await memoryStore();
    await gone.close();
    const away = createReads(gone);
    const asked = [
      away.search({ mode: 'request' }, all, { limit: 1 }),
      away.one(idOf(1), all),
      away.targets(idOf(1), all, { limit: 1 }),
      away.trail({ limit: 1 }),
    ];
    for (const answer of await Promise.allSettled(asked)) {
      expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(Fault) });
    }
  });
});

/** Sizes of the pages that are read one after the other, and what is in them. */
async function pagesOf<Item>(
  readPage: (page: PageRequest) => Promise<Page<Item>>,
  start?: number,
): Promise<Item[][]> {
  const pages: Item[][] = [];
  let from = start;
  do {
    const page = await readPage({ limit: 100, ...(from !== undefined && { from }) });
    pages.push([...page.items]);
    from = page.next;
  } while (from !== undefined);
  return pages;
}

const LARGE = 900 * 1024;

describe('a page', () => {
  it('of the trail ends where its entries are large, and goes on from there', async () => {
    const from = seq;
    await sql`
      insert into entries (seq, at, type, body, prev, hash)
      select ${from}::int + i, now(), 'outcome', to_json(repeat('x', ${LARGE}::int)), 'p', 'large' || i
      from generate_series(1, 5) i`.execute(store.db);
    seq += 5;
    const pages = await pagesOf(reads.trail, from);
    expect(pages.map(page => page.map(entry => entry.seq - from))).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('of requests does so too', async () => {
    const message = 'x'.repeat(LARGE);
    const ids: string[] = [];
    for (let number = 0; number < 4; number += 1) {
      ids.unshift(await record({ principal: 'large', rules: ['request.invalid'], message }));
    }
    const pages = await pagesOf(
      async page => await reads.search({ mode: 'request', principal: 'large' }, all, page),
    );
    expect(pages.map(page => page.map(request => request.id))).toEqual([ids.slice(0, 3), ids.slice(3)]);
  });
});

describe('a search through many decisions', () => {
  const MANY = 12_000;
  /** Of those before it was looked through, this one is found by its rule. */
  let oldest = '';
  beforeAll(async () => {
    oldest = await record({ mode: 'preflight', principal: 'many', rules: ['targets.blank'] });
    await sql`
      insert into decisions (id, mode, decided_at, principal, action, kind, decision, status, rules, holds_key, body_digest, document)
      select gen_random_uuid(), mode, decided_at, case i % 3 when 0 then 'rare' else 'many' end, action, kind, decision, status, array['targets.empty'],
        holds_key, body_digest, document
      from decisions, generate_series(1, ${MANY}::int) i where id = ${oldest}`.execute(store.db);
  });

  it('looks through some thousands of them in a statement on the embedded store, so that a stop comes between', async () => {
    let statements = 0;
    const db = store.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        statements += 1;
        return await Promise.resolve(result);
      },
    });
    const search = { mode: 'preflight', rule: 'targets.blank' } as const;
    const { items } = await createReads({ db, embedded: true }).search(search, all, { limit: 10 });
    expect(items.map(({ id }) => id)).toEqual([oldest]);
    expect(statements).toBeGreaterThan(MANY / 5_000);
  });

  it.each([[4], [2], [1]])(
    'has none there whose outcome came after it was found, and those behind them all the same: %d a page',
    async limit => {
      const principal = `changing-${limit}`;
      const ids: string[] = [];
      for (let at = 0; at < 4; at += 1)
        ids.push(await record({ principal, targets: ['h1'], outcome: 'pending' }));
      const newestTwo = ids.slice(2);
      const stopTwo = sql`update operations set outcome = 'stopped' where id = any(${newestTwo})`;
      let isFound = false;
      let stopped: Promise<unknown> = Promise.resolve();
      const db = store.db.withPlugin({
        transformQuery: ({ node }) => node,
        transformResult: async ({ result }) => {
          // In line before the read of what was found. The look for the newest position comes before that is.
          if (isFound) stopped = stopTwo.execute(store.db);
          isFound = true;
          return await Promise.resolve(result);
        },
      });
      const { search } = createReads({ db, embedded: true });
      const asked: Search = { mode: 'request', principal, outcome: 'pending' };
      const pages = await pagesOf(async page => await search(asked, all, { ...page, limit }));
      await stopped;
      expect(pages.flat().map(({ id }) => id)).toEqual(ids.slice(0, 2).toReversed());
    },
  );

  it.each<[Partial<Search>, Sight, number?]>([
    [{}, all],
    [{ rule: 'targets.blank' }, all],
    [{ rule: 'targets.duplicate' }, all],
    [{ principal: 'rare' }, all],
    [{ principal: 'nobody' }, all],
    [{ rule: 'targets.empty' }, { all: false, own: 'rare', settles: false }],
    [{}, all, Number.MAX_SAFE_INTEGER],
    [{}, all, 1],
  ])('finds there what one statement finds, page by page: %j', async (filters, sight, start) => {
    const [inSteps, atOnce] = await Promise.all(
      [true, false].map(async embedded => {
        const { search } = createReads({ db: store.db, embedded });
        const asked: Search = { mode: 'preflight', ...filters };
        return await pagesOf(async page => await search(asked, sight, { ...page, limit: 999 }), start);
      }),
    );
    // Of a copy the document has the id of what it was copied from: they are told apart by their number.
    expect(inSteps?.map(page => page.length)).toEqual(atOnce?.map(page => page.length));
    expect(inSteps).toEqual(atOnce);
  });
});

describe('readers that all come at once', () => {
  it.each([
    [true, 1],
    [false, 4],
  ])(
    'leave the connections to who asks and who stops, and the door: embedded %s, %d at once of pages, and of what is of one decision',
    async (embedded, most) => {
      let underWay = 0;
      let mostAtOnce = 0;
      const connection = {
        executeQuery: async () => {
          underWay += 1;
          mostAtOnce = Math.max(mostAtOnce, underWay);
          await new Promise(resolve => setImmediate(resolve));
          underWay -= 1;
          return { rows: [] };
        },
        async *streamQuery() {},
      };
      const nothing = async (): Promise<void> => undefined;
      const db = new Kysely<Database>({
        dialect: {
          createAdapter: () => new PostgresAdapter(),
          createDriver: () => ({
            init: nothing,
            acquireConnection: async () => connection,
            beginTransaction: nothing,
            commitTransaction: nothing,
            rollbackTransaction: nothing,
            releaseConnection: nothing,
            destroy: nothing,
          }),
          createIntrospector: one => new PostgresIntrospector(one),
          createQueryCompiler: () => new PostgresQueryCompiler(),
        },
      });
      const many = createReads({ db, embedded });
      const each = Array.from({ length: 10 });
      const id = idOf(1);
      const tenOfEach = async (...read: (() => Promise<unknown>)[]): Promise<void> => {
        mostAtOnce = 0;
        // In each turn of the event loop one new connection is taken.
        let turns = 0;
        let isCounting = true;
        const count = (): void => {
          turns += 1;
          if (isCounting) setImmediate(count);
        };
        setImmediate(count);
        await Promise.all(read.flatMap(one => each.map(async () => await one())));
        isCounting = false;
        expect(mostAtOnce).toBe(most);
        expect(turns).toBeGreaterThan(((read.length * each.length) / most) * 20);
      };
      await tenOfEach(
        async () => await many.search({ mode: 'request' }, all, { limit: 1 }),
        async () => await many.trail({ limit: 1 }),
        async () => await many.evidence({ by: 'observer' }, { limit: 1 }),
      );
      await tenOfEach(
        async () => await many.one(id, all),
        async () => await many.targets(id, all, { limit: 1 }),
      );
    },
  );
});
