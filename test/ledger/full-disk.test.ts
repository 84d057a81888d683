import { sql } from 'kysely';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { gateParts, type Parts } from '../support/gate-parts.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

// A disk that is full, as PostgreSQL says it: it answers whoever looks.

const store = storeOfHosts(100);
let parts: Parts;
let said: ReturnType<typeof recordedLogger>['said'];
let whole: ReturnType<typeof recordedLogger>['whole'];
let failed: number;

beforeAll(async () => {
  await sql`create function no_room() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file' using errcode = tg_argv[0]; end $$`.execute(store.db);
});
beforeEach(async () => {
  const recorded = recordedLogger();
  ({ said, whole } = recorded);
  failed = 0;
  parts = await gateParts(store, { logger: recorded.logger, onFailedBatch: () => (failed += 1) });
});
afterEach(free);

/** @param least so long a body finds no room any more */
async function fill(least: number, code = '53100'): Promise<void> {
  await free();
  await sql`create trigger full_entries before insert on entries for each row
    when (length(new.body::text) >= ${sql.lit(least)}) execute function no_room(${sql.lit(code)})`.execute(
    store.db,
  );
  await sql`create trigger full_decisions before insert on decisions for each row
    execute function no_room(${sql.lit(code)})`.execute(store.db);
}

async function free(): Promise<void> {
  await sql`drop trigger if exists full_entries on entries`.execute(store.db);
  await sql`drop trigger if exists full_decisions on decisions`.execute(store.db);
  await sql`drop trigger if exists full_head on head`.execute(store.db);
}

const look = async (): Promise<number> => await parts.ledger.enqueue(({ book }) => book.version);
const entries = async (): Promise<unknown> =>
  (await sql`select * from entries order by seq`.execute(store.db)).rows;

describe('a ledger whose database takes no writes', () => {
  const becomes = async (setting: 'on' | 'off'): Promise<void> =>
    void (await sql`set default_transaction_read_only = ${sql.lit(setting)}`.execute(store.db));
  afterEach(async () => {
    await becomes('off');
  });

  it('says so once, and once for each other cause, without a stack, and that it is over', async () => {
    await becomes('on');
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(look()).rejects.toMatchObject({ rule: 'store.unavailable' });
      await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
      await expect(parts.ledger.tryWriting()).rejects.toMatchObject({ rule: 'store.unavailable' });
    }
    const begun = [50, 'a batch failed and was rolled back'];
    expect(said()).toEqual([begun]);
    await becomes('off');
    await fill(0);
    await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
    expect(said()).toEqual([begun, begun]);
    expect(whole().map(({ err, why }) => [err, typeof why])).toEqual([
      [undefined, 'string'],
      [undefined, 'string'],
    ]);
    expect(parts.ledger.takes).not.toBe('all');
    await free();
    await parts.ledger.tryWriting();
    expect(said().slice(2)).toEqual([[40, 'batches are written again']]);
    expect(parts.ledger.takes).toBe('all');
  });
});

describe('a ledger with one work that fails each time', () => {
  it('says so once, with where it arose, though others are written between', async () => {
    const bad = async (): Promise<never> =>
      await parts.ledger.enqueue(async ({ db }) => {
        await sql`select from there_is_none`.execute(db);
        throw new Error('it was there');
      });
    for (let tries = 0; tries < 20; tries += 1) {
      await expect(bad()).rejects.toMatchObject({ rule: 'gate.failed' });
      await look();
      await parts.ledger.tryWriting();
    }
    expect(parts.ledger.takes).toBe('all');
    expect(whole()).toMatchObject([
      {
        level: 50,
        msg: 'a batch failed and was rolled back',
        err: { message: expect.stringContaining('there_is_none'), stack: expect.any(String) },
      },
    ]);
  });
});

describe('a ledger whose disk is full', () => {
  it('takes nothing from the batch that fails until there is room again, whoever looks between', async () => {
    expect(parts.ledger.takes).toBe('all');
    await fill(0);
    await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
    expect(parts.ledger.takes).not.toBe('all');
    const before = await entries();
    for (const _ of [1, 2, 3]) {
      await look();
      await parts.ledger.tryWriting();
      await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
      expect(parts.ledger.takes).toBe('nothing');
    }
    expect(said()).toEqual([[50, 'a batch failed and was rolled back']]);
    await free();
    await look();
    expect(parts.ledger.takes).toBe('nothing');
    await parts.ledger.tryWriting();
    expect(parts.ledger.takes).toBe('all');
    expect(said().at(-1)).toEqual([40, 'batches are written again']);
    expect(await entries()).toEqual(before);
    expect('repeat' in (await parts.ask(['h1'], 'k1'))).toBe(false);
  });

  it('takes little where a switch still finds a place, and one that is engaged ends nothing', async () => {
    await fill(2_000);
    await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
    await parts.ledger.tryWriting();
    expect(parts.ledger.takes).toBe('little');
    await parts.ledger.enqueueAlone(({ draft }) => {
      draft.append('inventory', { small: true });
    });
    expect(parts.ledger.takes).toBe('little');
    await parts.ledger.tryWriting();
    expect(parts.ledger.takes).toBe('little');
    expect(said()).toHaveLength(1);
  });

  it('takes nothing where no entry as long as that of a switch with a reason finds a place, nor where the head does not', async () => {
    await fill(600);
    await expect(parts.ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
    await parts.ledger.tryWriting();
    expect(parts.ledger.takes).toBe('nothing');
    await fill(1_000_000);
    await sql`create trigger full_head before update on head for each row execute function no_room('53100')`.execute(
      store.db,
    );
    await parts.ledger.tryWriting();
    expect(parts.ledger.takes).toBe('nothing');
  });

  it('is tried only after a batch that failed', async () => {
    await fill(0);
    await parts.ledger.tryWriting();
    expect([parts.ledger.takes, failed]).toEqual(['all', 0]);
  });
});

it('one bad batch is no full disk, and where every one is bad, as without the right to write, it is found by trying', async () => {
  const bad = async () => await parts.ask(['h1'], 'k1');
  await fill(1_000_000, '23505');
  await expect(bad()).rejects.toMatchObject({ rule: 'gate.failed' });
  expect(parts.ledger.takes).toBe('all');
  await parts.ledger.tryWriting();
  expect(parts.ledger.takes).toBe('all');
  await fill(0, '42501');
  await expect(bad()).rejects.toMatchObject({ rule: 'gate.failed' });
  await parts.ledger.tryWriting();
  expect(parts.ledger.takes).toBe('nothing');
});
