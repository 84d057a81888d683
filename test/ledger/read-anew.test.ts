import { Kysely, PostgresDialect, sql } from 'kysely';
import { describe, expect, it } from 'vitest';

import type { Kind } from '../../src/config/config.ts';
import type { Database } from '../../src/db/database.ts';
import { systemClock, type Clock } from '../../src/kit/clock.ts';
import { freshId } from '../../src/kit/ids.ts';
import { Book, type Spend } from '../../src/ledger/book.ts';
import { ClockWatch } from '../../src/ledger/clock-watch.ts';
import { KnownBook } from '../../src/ledger/known-book.ts';
import { readHead, readTail } from '../../src/ledger/queries.ts';
import type { ActionLimits, Limits, WindowLimit } from '../../src/policy/limits.ts';
import { gateParts, host, limits as oneWindow, type Parts } from '../support/gate-parts.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

// What a book knows is what the rows say, however it came to know it.

const store = storeOfHosts(2_000);

const MINUTE_S = 60;
const kinds = new Map<string, Kind>([['host', { ...host, weights: ['traffic'] }]]);

const over = (per: string, minutes: number): WindowLimit => ({
  per,
  over_s: minutes * MINUTE_S,
  max_targets: 9_999,
});

const entryWith = (...windows: readonly WindowLimit[]): ActionLimits => ({
  max_targets: 1_000,
  max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
  require: 'any',
  windows,
});

/** Windows of each sort, long ones beside short ones, and actions without some of them. */
const limits: Limits = {
  ...oneWindow,
  actions: {
    'disk.wipe': {
      ...entryWith(over('fleet', 10), over('rack', 60), over('principal', 90), {
        per: 'zone',
        over_s: 40 * MINUTE_S,
        max_weight: { traffic: { share_ppm: 1, at_least: 9_999 } },
      }),
      max_requests: [
        { per: 'fleet', over_s: 5 * MINUTE_S, max: 9_999 },
        { per: 'principal', over_s: 45 * MINUTE_S, max: 9_999 },
      ],
    },
    'disk.trim': entryWith(over('fleet', 120), over('zone', 2), over('rack', 1)),
    'host.push': entryWith(over('fleet', 1)),
  },
  budgets: [
    { kind: 'host', ...over('zone', 30) },
    { kind: 'host', ...over('fleet', 3) },
    { kind: 'link', ...over('fleet', 100) },
  ],
};

const actions = ['disk.wipe', 'disk.trim', 'host.push', 'no.limits'];

interface Spent extends Spend {
  readonly version: number;
  readonly at_ms: number;
}

interface Asked {
  readonly version: number;
  readonly at_ms: number;
  readonly action: string;
  readonly principal: string;
  readonly refused_by: readonly string[];
  readonly count: number;
}

/** What batches of two and a half hours spent, oldest first: more than is read at once. */
function batches(count: number): { readonly spends: readonly Spent[]; readonly asks: readonly Asked[] } {
  const spends: Spent[] = [];
  const asks: Asked[] = [];
  const nowMs = Date.now();
  for (let place = 0; place < count; place += 1) {
    const one = {
      version: place + 2,
      at_ms: nowMs - Math.floor(9_000_000 * (1 - place / count)),
      action: actions[place % actions.length] ?? '',
      principal: `bot-${place % 3}`,
    };
    const kind = place % 7 === 0 ? 'link' : 'host';
    const weights = place % 13 === 0 ? null : { traffic: place % 10 };
    spends.push({ ...one, kind, weights, dimension: 'fleet', value: kind, count: 2 });
    // Some were allowed when the kind had no racks.
    for (const dimension of place % 11 === 0 ? ['zone'] : ['zone', 'rack'])
      for (const half of [0, 1])
        spends.push({
          ...one,
          kind,
          weights,
          dimension,
          value: `${dimension}-${(place + half) % 5}`,
          count: 1,
        });
    asks.push({ ...one, refused_by: place % 4 === 0 ? ['fleet/300'] : [], count: 1 + (place % 3) });
  }
  return { spends, asks };
}

async function write(count: number): Promise<ReturnType<typeof batches>> {
  const rows = batches(count);
  const at = sql`to_timestamp(at_ms / 1000)`;
  await sql`insert into spends (version, at, kind, action, principal, dimension, value, count, weights)
    select version, ${at}, kind, action, principal, dimension, value, count, weights from jsonb_to_recordset(${JSON.stringify(rows.spends)}::jsonb)
      as r(version bigint, at_ms float8, kind text, action text, principal text, dimension text, value text, count bigint, weights jsonb)`.execute(
    store.db,
  );
  await sql`insert into asks (version, at, action, principal, refused_by, count)
    select version, ${at}, action, principal, array(select jsonb_array_elements_text(refused_by)), count from jsonb_to_recordset(${JSON.stringify(rows.asks)}::jsonb)
      as r(version bigint, at_ms float8, action text, principal text, refused_by jsonb, count bigint)`.execute(
    store.db,
  );
  await sql`update head set version = ${count + 2}, at = now()`.execute(store.db);
  return rows;
}

const known = (logger = recordedLogger().logger, clock: Clock = systemClock): KnownBook =>
  new KnownBook({ limits, kinds, actions: new Set(actions), clock, logger }, new ClockWatch(systemClock));

/** A second passes at each look. */
function slowClock(): Clock {
  let seconds = 0;
  return { wallMs: () => systemClock.wallMs(), monotonicMs: () => 1_000 * (seconds += 1) };
}

/** All that is counted in a book: by window what each value has, until when something of it is not known, and when the next of it leaves. */
function counted(book: Book, nowMs: number): unknown {
  book.advance(nowMs);
  const scoped = [...Object.values(limits.actions).flatMap(({ windows }) => windows), ...limits.budgets];
  const all = scoped.flatMap(limit =>
    limit.max_weight === undefined
      ? [book.window(limit)]
      : Object.keys(limit.max_weight).map(weight => book.window(limit, weight)),
  );
  const asked = Object.entries(limits.actions).flatMap(([action, { max_requests = [] }]) =>
    max_requests.map(({ per, over_s }) => book.askWindow(action, per, over_s)),
  );
  return [...all, ...asked].map(window => ({
    placed: window.placedFromMs(),
    values: window
      .values()
      .map(([value, used]) => [value, used, window.knownFromMs(value), window.leavesInMs(value, nowMs)])
      .toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  }));
}

describe('a book that is read anew', () => {
  it('has in its windows what one has that was told all there ever was', async () => {
    const rows = await write(1_500);
    const told = new Book(limits, kinds, new Set(actions));
    for (const { at_ms, ...spend } of rows.spends) told.spend(at_ms, spend);
    for (const { at_ms, refused_by, ...ask } of rows.asks) told.ask(at_ms, { ...ask, refusedBy: refused_by });
    const read = known();
    await read.readAhead(store.db);
    const nowMs = Date.now();
    expect(counted(read.book, nowMs)).toEqual(counted(told, nowMs));
  });

  it('is read before the head is locked, page by page, and told in the log where it takes long', async () => {
    await write(1_500);
    const statements: string[] = [];
    const dialect = new PostgresDialect({ pool: store.pool });
    const db = new Kysely<Database>({ dialect, log: ({ query }) => void statements.push(query.sql) });
    const { logger, whole } = recordedLogger();
    const read = known(logger, slowClock());
    await read.readAhead(db);
    // Both end with a page of nothing, and one has two pages before.
    expect(statements.filter(text => text.startsWith('fetch')).length).toBeGreaterThan(4);
    expect(whole().at(0)).toMatchObject({
      level: 30,
      rows: expect.any(Number),
      msg: expect.stringContaining('being read'),
    });
    expect(whole().at(-1)).toMatchObject({ rows: expect.any(Number), msg: 'what windows count is read' });
    // Nothing of it is read again.
    statements.length = 0;
    await read.readAhead(db);
    await db.transaction().execute(async tx => await read.bringTo(tx, await readHead(tx)));
    expect(statements.filter(text => text.includes('spends') || text.startsWith('fetch'))).toEqual([]);
  });

  it('is read so by a ledger that begins, and by one whose batch failed', async () => {
    const statements: string[] = [];
    const dialect = new PostgresDialect({ pool: store.pool });
    const db = new Kysely<Database>({ dialect, log: ({ query }) => void statements.push(query.sql) });
    const parts = await gateParts({ ...store, ledgerDb: db });
    const locked = (): number => statements.findIndex(text => text.endsWith('for update'));
    const fetched = (): number => statements.findLastIndex(text => text.startsWith('fetch'));
    expect(fetched()).toBeGreaterThan(-1);
    expect(locked()).toBeGreaterThan(fetched());
    await expect(
      parts.ledger.enqueueAlone(() => Promise.reject(new Error('a bad one'))),
    ).rejects.toMatchObject({ rule: 'gate.failed' });
    statements.length = 0;
    await parts.ask(['h1'], 'k1');
    expect(fetched()).toBeGreaterThan(-1);
    expect(locked()).toBeGreaterThan(fetched());
  });
});

describe('switches', () => {
  /** A store whose longest answer is known. */
  function measured(): { readonly db: Kysely<Database>; readonly longest: () => number } {
    let longest = 0;
    const db = store.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        longest = Math.max(longest, JSON.stringify(result.rows).length);
        return await Promise.resolve(result);
      },
    });
    return { db, longest: () => longest };
  }

  it('are read page by page, whatever was said of them', async () => {
    const { ledger } = await gateParts(store);
    const engaged = await ledger.enqueue(({ draft }) =>
      Array.from({ length: 60 }, () => {
        const id = freshId();
        // Of what can be compressed a page may hold more.
        const reason = Array.from({ length: 2_800 }, freshId).join(' ');
        draft.append('kill_switch', { event: 'engage', id, scope: {}, reason, except: [], by: 'operator' });
        return id;
      }),
    );
    const { db, longest } = measured();
    const read = known();
    await read.readAhead(db);
    expect([...read.book.switches.keys()]).toEqual(engaged);
    expect(longest()).toBeGreaterThan(100_000);
    expect(longest()).toBeLessThan(1_000_000);
  });

  it('that were released are not read, but where something else was read between', async () => {
    const { ledger } = await gateParts(store);
    const before = await readHead(store.db);
    const count = 12_000;
    // Each is released two entries after it was engaged, and the last two are not.
    await sql`
      insert into entries (seq, at, type, body, prev, hash)
      select ${before.seq}::bigint + n, now(), 'kill_switch', case when n % 4 in (1, 2)
        then json_build_object('event', 'engage', 'id', 's' || n, 'scope', '{}'::json, 'reason', '', 'except', '[]'::json, 'by', 'operator')
        else json_build_object('event', 'release', 'id', 's' || (n - 2)) end, '', 'of ' || n
      from generate_series(1, ${count + 2}::int) n`.execute(store.db);
    await sql`update head set version = version + 1, seq = ${before.seq + count + 2}, hash = ${`of ${count + 2}`}`.execute(
      store.db,
    );
    const { db, longest } = measured();
    const { logger, whole } = recordedLogger();
    const read = known(logger, slowClock());
    await read.readAhead(db);
    expect([...read.book.switches.keys()]).toEqual([`s${count + 1}`, `s${count + 2}`]);
    expect(whole().at(-1)).toMatchObject({
      up_to_entry: before.seq + count + 2,
      msg: 'what was ever said of switches is read',
    });
    expect(longest()).toBeLessThan(10_000);
    // A gate that runs is told of them as of all else.
    expect(await ledger.enqueue(({ book }) => [...book.switches.keys()])).toEqual([
      ...read.book.switches.keys(),
    ]);
  });
});

describe('what only entries tell', () => {
  /** An entry by which the head moves, of the history that the store has or of another. @returns its number */
  async function append(type: string, body: object, history = 'a'): Promise<number> {
    const { seq } = await readHead(store.db);
    await sql`insert into entries (seq, at, type, body, prev, hash)
      values (${seq + 1}, now(), ${type}, ${JSON.stringify(body)}::json, '', ${`${history} ${seq + 1}`})`.execute(
      store.db,
    );
    await sql`update head set version = version + 1, seq = ${seq + 1}, hash = ${`${history} ${seq + 1}`}`.execute(
      store.db,
    );
    return seq + 1;
  }
  const engage = async (id: string, history?: string): Promise<number> =>
    await append(
      'kill_switch',
      { event: 'engage', id, scope: {}, reason: '', except: [], by: 'operator' },
      history,
    );
  const release = async (id: string, history?: string): Promise<number> =>
    await append('kill_switch', { event: 'release', id }, history);
  const switches = ({ book }: KnownBook): readonly string[] => [...book.switches.keys()];

  it('is kept when a book is thrown away, and only what came since is read', async () => {
    await append('policy', { digest: 'sha256:policy' });
    await engage('old');
    const read = known();
    await read.readAhead(store.db);
    read.forget();
    const since = [await release('old'), await engage('new')];
    const numbers: unknown[] = [];
    const db = store.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        for (const { entries } of result.rows)
          if (Array.isArray(entries)) numbers.push(...entries.map(({ seq }: { seq: number }) => seq));
        return await Promise.resolve(result);
      },
    });
    await read.readAhead(db);
    expect(numbers).toEqual(since);
    expect(switches(read)).toEqual(['new']);
    expect(read.book.activePolicy).toBe('sha256:policy');
    expect([...read.book.seenPolicies]).toEqual(['sha256:policy']);
    expect(read.book.activeByMs).toBeGreaterThan(0);
  });

  it('is not taken from another history, and stands when that of before is back', async () => {
    await engage('stays');
    const last = await engage('last');
    const read = known();
    await read.readAhead(store.db);
    read.forget();
    // A standby that lacks the last entry, and by now has others.
    await sql`set session_replication_role = replica`.execute(store.db);
    await sql`delete from entries where seq = ${last}`.execute(store.db);
    await sql`update head set seq = seq - 1`.execute(store.db);
    await engage('of b', 'b');
    await release('stays', 'b');
    await expect(read.readAhead(store.db)).rejects.toMatchObject({ rule: 'store.behind' });
    read.forget();
    await sql`delete from entries where hash like 'b %'`.execute(store.db);
    await sql`update head set seq = ${last - 1}`.execute(store.db);
    await engage('last');
    await sql`set session_replication_role = origin`.execute(store.db);
    await read.readAhead(store.db);
    expect(switches(read)).toEqual(['stays', 'last']);
  });

  it('has each accepted time in it, before and after the book is thrown away', async () => {
    await write(300);
    await sql`update head set seq = 0`.execute(store.db);
    const read = known();
    await read.readAhead(store.db);
    // All that was spent counts as made ten minutes ago.
    const acceptedMs = Date.now() - 600_000;
    await append('clock', { accepted_ms: acceptedMs, version: 303 });
    const bringing = async (book: KnownBook): Promise<unknown> => {
      await store.db.transaction().execute(async tx => await book.bringTo(tx, await readHead(tx)));
      return counted(book.book, Date.now());
    };
    const nowMs = Date.now();
    await bringing(read);
    const told = counted(read.book, nowMs);
    read.forget();
    await bringing(read);
    expect(counted(read.book, nowMs)).toEqual(told);
    const anew = known();
    await anew.readAhead(store.db);
    expect(counted(anew.book, nowMs)).toEqual(told);
  });
});

describe('what is held', () => {
  /** What a load writes that says another state of some hosts, and one more. */
  async function load(revision: number, ids: readonly string[], definition = 'definition'): Promise<void> {
    await store.db.transaction().execute(async tx => {
      await sql`update inventory_targets set to_revision = ${revision} where kind = 'host' and to_revision is null
        and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`.execute(tx);
      await sql`insert into inventory_targets (kind, id, labels, tags, labels_digest, state, from_revision)
        select kind, id, labels || '{"state": "gone"}', tags, 'other', 'gone', ${revision} from inventory_targets
        where kind = 'host' and to_revision = ${revision}`.execute(tx);
      await sql`update head set version = version + 1`.execute(tx);
      await sql`update inventory_kinds set revision = ${revision}, definition = ${definition}, version = (select version from head)`.execute(
        tx,
      );
    });
  }
  const rack = async (parts: Parts): Promise<number> =>
    await parts.ledger.enqueue(({ book }) => book.held.takenOf('host', 'rack', 'r0'));

  it('follows a load in a book that knew it, as in one that is read anew, and only what the load changed is read', async () => {
    const parts = await gateParts(store);
    await parts.ask(['h1', 'h2', 'h3', 'h4'], 'k1');
    expect(await rack(parts)).toBe(4);
    const since = await parts.ledger.enqueue(({ book }) => ({
      version: book.version,
      seq: book.seq,
      knownSeq: book.seq,
      kinds: { host: { revision: 1, definition: 'definition' } },
    }));
    await load(2, ['h2', 'h3', 'h9']);
    const counting = {
      nowMs: 0,
      horizons: { action: {}, kind: {}, asks: {} },
      hasSources: false,
      isWeighed: false,
    };
    const tail = await readTail(store.db, { ...since, ...counting });
    expect(tail.holds?.map(({ target_id, state }) => [target_id, state]).toSorted()).toEqual([
      ['h2', 'gone'],
      ['h3', 'gone'],
    ]);
    expect(await rack(parts)).toBe(2);
    expect(await rack(await gateParts(store))).toBe(2);
    // Two loads between two looks, and one that declares the kind anew.
    await load(3, ['h1']);
    await load(4, ['h9']);
    expect(await rack(parts)).toBe(1);
    await load(5, ['h4'], 'another');
    expect([await rack(parts), await rack(await gateParts(store))]).toEqual([0, 0]);
    const heldOn = await parts.ledger.enqueue(({ book }) =>
      ['h1', 'h2', 'h3', 'h4'].map(id => [...book.held.holdsOn('host', id)].length),
    );
    expect(heldOn).toEqual([1, 1, 1, 1]);
  });

  it('of a target that is gone is still held', async () => {
    const parts = await gateParts(store);
    await parts.ask(['h1', 'h2'], 'k1');
    await load(2, []);
    await sql`update inventory_targets set to_revision = 2 where id = 'h1'`.execute(store.db);
    expect(await rack(parts)).toBe(1);
    const holds = await parts.ledger.enqueue(({ book }) => [...book.held.holdsOn('host', 'h1')]);
    expect(holds).toHaveLength(1);
  });
});
