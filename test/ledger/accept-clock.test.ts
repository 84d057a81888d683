import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Action, Principal } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { acceptClock } from '../../src/ledger/accept-clock.ts';
import type { Book } from '../../src/ledger/book.ts';
import type { Decided } from '../../src/ledger/deciding.ts';
import { Outcomes } from '../../src/outcome/outcomes.ts';
import { recordEvent } from '../../src/outcome/record-event.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import {
  definitions,
  gateParts,
  host,
  limits,
  loadHosts,
  quiet,
  wipe,
  wipeStore,
  type Parts,
} from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';

// The limits, "Windows": what holds while the clocks have parted, and what an accepted time makes of what was written before.

const HOUR = 3_600_000;
const START = Date.now() + 60_000;
const operator: Principal = {
  name: 'oncall',
  keys: [],
  roles: new Set(['operator'] as const),
  actions: new Set(),
};
const executor: Principal = {
  name: 'wiper',
  keys: [],
  roles: new Set(['executor'] as const),
  actions: new Set([wipe.name]),
};
const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `h${from + index}`);

let store: Store;
let databaseClock: DatabaseClock;
const time = { gateMs: START, databaseMs: START };
const clock = { wallMs: () => time.gateMs, monotonicMs: () => time.gateMs };

/** Time goes by for everybody. */
async function pass(ms: number): Promise<void> {
  time.gateMs += ms;
  await databaseIs(time.databaseMs + ms);
}

async function databaseIs(atMs: number): Promise<void> {
  time.databaseMs = atMs;
  await databaseClock.stand(atMs);
}

/** From here on the database is so far behind the gates. */
const databaseGoesBack = async (ms: number): Promise<void> => await databaseIs(time.databaseMs - ms);

const gate = async (): Promise<Parts> => await gateParts(store, { clock });
const accept = async ({ ledger }: Parts) =>
  await ledger.enqueueAlone(async turn => await acceptClock(turn, 'a new time server', operator));

/** Sweeps and claims as another gate of the fleet than the one that decided; makes no attempt. */
function sweeper({ ledger, deciding }: Parts, action: Partial<Action['executor']> = {}) {
  const sent: string[] = [];
  const outcomes = new Outcomes({
    gateId: 'gate-2',
    db: store.db,
    ledger,
    actions: new Map([[wipe.name, { ...wipe, executor: { ...wipe.executor, ...action } }]]),
    kinds: new Map([[host.name, host]]),
    definitions,
    observers: new Set(),
    policyDigest: deciding.policy?.digest,
    limits: deciding.policy?.loaded.limits,
    killFileEngages: () => false,
    resolveIds: async () => await Promise.reject(new Error('resolved anew')),
    logger: quiet,
    clock,
    alone: false,
    forward: async ({ requestId }) => {
      sent.push(requestId);
      return await new Promise<never>(() => undefined);
    },
    observe: () => undefined,
  });
  // What the tick claims, it claims in jobs of their own.
  const tick = async (): Promise<void> => {
    await outcomes.tick();
    await ledger.drained();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { outcomes, tick, sent };
}

const documentOf = (decided: Decided) => ('repeat' in decided ? decided.repeat : decided).document;
const idOf = (decided: Decided): string => documentOf(decided).id;
const verdictOf = (decided: Decided): string =>
  documentOf(decided).reasons[0]?.rule ?? documentOf(decided).decision;

async function operation(decided: Decided) {
  const { rows } = await sql<{ phase: string; outcome: string; rule: string | null }>`
    select phase, outcome, rule from operations where id = ${idOf(decided)}::uuid`.execute(store.db);
  return rows[0];
}

async function lastEntry() {
  const { rows } = await sql<{ type: string; at: number; head: number; body: unknown }>`
    select e.type, e.at, h.at as head, e.body from entries e, head h where e.seq = h.seq`.execute(store.db);
  return rows[0];
}

/** All that a book tells whoever decides by it. */
function tell(book: Book) {
  const [window] = limits.actions[wipe.name]?.windows ?? [];
  if (window === undefined) throw new Error('no window');
  const spent = book.window(window);
  return {
    at: [book.version, book.seq, book.hash, book.activePolicy],
    operations: [...book.operations()].toSorted((a, b) => a.seq - b.seq),
    waiting: [...book.waiting(wipe.name)],
    counts: [book.busy(wipe.name), book.inFlight(wipe.name)],
    kinds: [...book.kinds],
    spent: [...spent.values()],
    waits: Array.from({ length: 100 }, (_, index) => spent.waitMs('host', index + 1, 100, time.databaseMs)),
    holds: ids(0, 300).map(id => [...book.held.holdsOn('host', id)]),
  };
}

const told = async ({ ledger }: Parts) => await ledger.enqueue(({ book }) => tell(book));

beforeAll(async () => {
  store = await memoryStore();
  databaseClock = await ownDatabaseClock(async statement => await sql.raw(statement).execute(store.db));
});
beforeEach(async () => {
  time.gateMs = START;
  await databaseIs(START);
  await wipeStore(store);
  await loadHosts(store, 300);
});
afterAll(async () => {
  await store.close();
});

describe('while the clocks have parted', () => {
  it('nothing is claimed, and what waits is claimed once they agree again', async () => {
    const one = await gate();
    for (const index of [1, 2]) await one.ask([`h${index}`], `k${index}`);
    const third = await one.ask(['h3'], 'k3');
    const { tick, sent } = sweeper(one, { concurrency: 3 });
    await databaseGoesBack(HOUR);
    await tick();
    expect(await operation(third)).toMatchObject({ phase: 'waiting' });
    expect(sent).toEqual([]);
    await databaseIs(START);
    await tick();
    expect(await operation(third)).toMatchObject({ phase: 'claimed' });
    expect(sent).toEqual([idOf(third)]);
  });

  it('nothing is swept, and what is lost is swept once they agree again', async () => {
    const one = await gate();
    const claimed = await one.ask(['h1'], 'k1');
    const { tick } = sweeper(one);
    time.gateMs += HOUR;
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'claimed', outcome: 'pending' });
    await databaseIs(time.gateMs);
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'ended', outcome: 'unknown' });
  });

  it('what is written all the same carries the agreed time', async () => {
    const { ledger } = await gate();
    await databaseGoesBack(HOUR);
    time.gateMs += 1_000;
    await ledger.enqueue(turn => turn.draft.append('kill_switch', { event: 'release', id: 'x' }));
    expect(await lastEntry()).toMatchObject({ at: START + 1_000, head: START + 1_000 });
  });
});

describe('a database that steps back by no more than what is borne', () => {
  it('opens no window that a reading ahead of it had closed behind what was spent', async () => {
    const one = await gate();
    await one.ask(ids(0, 60), 'k1');
    time.gateMs += HOUR - 4_000;
    await databaseIs(START + HOUR);
    // Looks, and writes nothing: the last entry stays an hour old.
    await told(one);
    await databaseIs(START + HOUR - 4_000);
    const again = await one.ask(ids(100, 60), 'k2');
    expect(verdictOf(again)).toBe('allowed');
    const { rows } = await sql<{ at: number }>`select distinct at from spends order by at`.execute(store.db);
    expect(rows.map(({ at }) => at - START)).toEqual([0, HOUR]);
    // Another gate, which has seen no such reading, counts the same.
    expect(verdictOf(await (await gate()).ask(ids(200, 41), 'k3'))).toBe('budget.window');
  });
});

describe('a chain that another gate took into the future', () => {
  it('opens no window early in a gate whose own time never jumped', async () => {
    const one = await gate();
    await one.ask(ids(0, 60), 'k1');
    await databaseIs(START + HOUR);
    expect(verdictOf(await (await gateAt(START + HOUR)).ask(['h200'], 'k2'))).toBe('allowed');
    await databaseIs(START);
    expect(verdictOf(await one.ask(ids(100, 41), 'k3'))).toBe('clock.jumped');
    await accept(one);
    expect(await one.ask(ids(100, 41), 'k4')).toMatchObject({
      status: 429,
      document: { reasons: [{ rule: 'budget.window', measured: 102 }] },
    });
  });
});

describe('accepting the time of the database', () => {
  it('is as far back as the age of the active revision can be told', async () => {
    const one = await gate();
    const activeByMs = async (): Promise<number | undefined> =>
      await one.ledger.enqueue(({ book }) => book.activeByMs);
    await pass(HOUR);
    expect(await activeByMs()).toBe(START);
    await databaseIs(START + 24 * HOUR);
    await accept(one);
    // Nothing became a day older by that, nor does another gate take it for older.
    expect(await activeByMs()).toBe(START + 24 * HOUR);
    expect(await (await gate()).ledger.enqueue(({ book }) => book.activeByMs)).toBe(START + 24 * HOUR);
  });

  it('takes the chain there, even backwards, and this gate decides again', async () => {
    const one = await gate();
    await one.ask(['h1'], 'k1');
    await databaseGoesBack(HOUR);
    expect(await accept(one)).toMatchObject({
      accepted: new Date(START - HOUR).toISOString(),
      by: 'oncall',
      reason: 'a new time server',
    });
    expect(await lastEntry()).toMatchObject({ type: 'clock', at: START - HOUR, head: START - HOUR });
    await pass(10);
    const decided = await one.ask(['h2'], 'k2');
    expect(documentOf(decided)).toMatchObject({
      decision: 'allowed',
      decided_at: new Date(START - HOUR + 10).toISOString(),
    });
  });

  it('forward counts what is on the wire as claimed then: it is not lost because the clock went on', async () => {
    const one = await gate();
    const claimed = await one.ask(['h1'], 'k1');
    await databaseIs(START + HOUR);
    await accept(one);
    const { tick } = sweeper(one);
    await pass(5_999);
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'claimed' });
    await pass(1);
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'ended', outcome: 'unknown' });
  });

  it('forward moves nothing else, and windows that are over by then are open', async () => {
    const one = await gate();
    const [claimed] = [await one.ask(ids(0, 100), 'k1')];
    const before = await timesOf(claimed);
    await databaseIs(START + HOUR - 1);
    await accept(one);
    expect(verdictOf(await one.ask(['h100'], 'k2'))).toBe('budget.window');
    await pass(1);
    expect(verdictOf(await one.ask(['h100'], 'k3'))).toBe('allowed');
    expect(await timesOf(claimed)).toEqual({ ...before, claimed_at: START + HOUR - 1 });
    expect(await told(one)).toEqual(await told(await gate()));
  });
});

async function timesOf(decided: Decided) {
  const { rows } = await sql<object>`select decided_at, claimed_at, not_before, settled_at from operations
    where id = ${idOf(decided)}::uuid`.execute(store.db);
  return rows[0];
}

describe('what was written before an accepted time, and is later', () => {
  it('counts in its window as spent then: not less, and not longer', async () => {
    const one = await gate();
    const other = await gate();
    await one.ask(ids(0, 60), 'k1');
    await databaseGoesBack(HOUR);
    await accept(one);
    for (const [each, key] of [
      [one, 'a'],
      [other, 'b'],
      [await gateAt(time.databaseMs), 'c'],
    ] as const) {
      expect(await each.ask(ids(100, 41), key)).toMatchObject({
        status: 429,
        document: { retry_after_s: 3_600, reasons: [{ rule: 'budget.window', measured: 101 }] },
      });
    }
    await pass(HOUR - 1);
    for (const each of [one, other])
      expect(verdictOf(await each.ask(ids(100, 41), 'd'))).toBe('budget.window');
    await pass(1);
    expect(verdictOf(await other.ask(ids(100, 41), 'e'))).toBe('allowed');
    expect(verdictOf(await one.ask(ids(200, 60), 'f'))).toBe('budget.window');
    expect(verdictOf(await one.ask(ids(200, 59), 'g'))).toBe('allowed');
  });

  it('counts as spent at the earliest of several accepted times', async () => {
    const one = await gate();
    await one.ask(ids(0, 60), 'k1');
    await databaseGoesBack(HOUR);
    await accept(one);
    await one.ask(ids(60, 40), 'k2');
    await databaseGoesBack(HOUR);
    await accept(one);
    await databaseIs(time.databaseMs + 10_000);
    await accept(one);
    expect(await told(one)).toEqual(await told(await gateAt(time.databaseMs)));
    // Both counted as spent at the second accept, 10 s before the third.
    await pass(HOUR - 10_001);
    expect(verdictOf(await one.ask(['h200'], 'k3'))).toBe('budget.window');
    await pass(1);
    expect(verdictOf(await one.ask(ids(200, 100), 'k4'))).toBe('allowed');
  });

  describe('is as it should be to a verification', () => {
    const refused = async ({ ledger }: Parts, decided: Decided): Promise<void> => {
      await ledger.enqueue(turn => {
        const sent = turn.book.operation(idOf(decided));
        if (sent === undefined) throw new Error('it is not under way');
        const attempted = { kind: 'refused', detail: 'a test' } as const;
        return recordEvent(turn, sent, { type: 'attempt', attempt: 1, attempted }, 'gate');
      });
    };
    const found = async (): Promise<readonly object[]> => {
      const { rows } = await verifyStore(store.db, [host], new ChainVerifier());
      return rows.filter(({ table }) => table === 'operations');
    };

    it('that had ended before a second, earlier time was accepted', async () => {
      const one = await gate();
      const first = await one.ask(['h1'], 'k1');
      await databaseGoesBack(HOUR);
      await accept(one);
      await refused(one, first);
      expect(await operation(first)).toMatchObject({ outcome: 'refused' });
      await databaseGoesBack(HOUR);
      await accept(one);
      expect(await found()).toEqual([]);
    });

    it('that had ended before the first one, and was delivered after all before a second, later one', async () => {
      const one = await gate();
      const first = await one.ask(['h1'], 'k1');
      await refused(one, first);
      await databaseGoesBack(HOUR);
      await accept(one);
      await sweeper(one).outcomes.report(idOf(first), executor, { status: 'delivered' }, () => true);
      expect(await operation(first)).toMatchObject({ outcome: 'delivered' });
      await databaseIs(time.databaseMs + 20_000);
      await accept(one);
      expect(await found()).toEqual([]);
      await sql`update operations set decided_at = decided_at - interval '1 second'`.execute(store.db);
      expect(await found()).toHaveLength(1);
    });
  });

  it('waits for its claim as long as if decided then; what was decided after it waits from its decision', async () => {
    const one = await gate();
    for (const index of [1, 2]) await one.ask([`h${index}`], `k${index}`);
    const early = await one.ask(['h3'], 'k3');
    await databaseGoesBack(HOUR);
    await accept(one);
    // What has not happened yet did not happen then either.
    expect(await timesOf(early)).toEqual({
      decided_at: time.databaseMs,
      claimed_at: null,
      not_before: null,
      settled_at: null,
    });
    await pass(50_000);
    const late = await one.ask(['h4'], 'k4');
    await pass(10_000);
    const again = sweeper(await gateAt(time.databaseMs), { concurrency: 0 });
    await again.tick();
    expect([await operation(early), await operation(late)]).toMatchObject([
      { phase: 'waiting' },
      { phase: 'waiting' },
    ]);
    await pass(1);
    await again.tick();
    expect([await operation(early), await operation(late)]).toMatchObject([
      { outcome: 'stopped', rule: 'forward.expired' },
      { phase: 'waiting' },
    ]);
    await pass(49_999);
    await sweeper(await gateAt(time.databaseMs), { concurrency: 0 }).tick();
    expect(await operation(late)).toMatchObject({ phase: 'waiting' });
    await pass(1);
    await again.tick();
    expect(await operation(late)).toMatchObject({ outcome: 'stopped', rule: 'forward.expired' });
  });

  it('is lost as soon as a claim made then would be', async () => {
    const one = await gate();
    const claimed = await one.ask(['h1'], 'k1');
    await databaseGoesBack(HOUR);
    await accept(one);
    await pass(5_999);
    const { tick } = sweeper(one);
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'claimed' });
    await pass(1);
    await tick();
    expect(await operation(claimed)).toMatchObject({ phase: 'ended', outcome: 'unknown' });
  });

  it('is tried again after the pause that begins then', async () => {
    const one = await gate();
    const action = { ...wipe, executor: { ...wipe.executor, idempotent: true, validForMs: 10 * HOUR } };
    const lost = await one.ask(['h1'], 'k1', { action });
    await pass(HOUR);
    const { tick, sent } = sweeper(one);
    await tick();
    expect(await operation(lost)).toMatchObject({ phase: 'waiting', outcome: 'unknown' });
    await databaseGoesBack(HOUR);
    await accept(one);
    await tick();
    expect(sent).toEqual([idOf(lost)]);
  });

  it('leaves the book that was kept equal to one that is read anew', async () => {
    const one = await gate();
    const other = await gate();
    await one.ask(ids(0, 5), 'k1');
    const settled = await other.ask(ids(10, 5), 'k2');
    await one.ask(ids(20, 5), 'k3');
    await sweeper(other).outcomes.report(idOf(settled), executor, { status: 'delivered' }, () => true);
    await databaseGoesBack(HOUR);
    await accept(other);
    await one.ask(ids(30, 5), 'k4');
    await pass(1_000);
    await other.ask(ids(40, 5), 'k5');
    expect(await told(one)).toEqual(await told(await gateAt(time.databaseMs)));
    expect(await told(other)).toEqual(await told(one));
    await databaseGoesBack(HOUR / 2);
    await accept(one);
    await one.ask(ids(50, 5), 'k6');
    const kept = await told(one);
    expect(kept).toEqual(await told(await gateAt(time.databaseMs)));
    expect(await told(other)).toEqual(kept);
    expect(kept.operations.every(({ decidedAtMs }) => decidedAtMs <= time.databaseMs)).toBe(true);
    expect(kept.spent).toEqual([['host', 30]]);
  });
});

/** A gate that starts at this time, by its own clocks too; those of the others stay where they are. */
async function gateAt(nowMs: number): Promise<Parts> {
  const apartMs = time.gateMs - nowMs;
  const own = { wallMs: () => time.gateMs - apartMs, monotonicMs: () => time.gateMs - apartMs };
  return await gateParts(store, { clock: own });
}
