import { sql, type ControlledTransaction, type Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';

import type { Database } from '../../src/db/database.ts';
import { findOperation } from '../../src/ledger/queries.ts';
import type { Turn } from '../../src/ledger/turn.ts';
import type { Decided } from '../../src/ledger/deciding.ts';
import { toOperation } from '../../src/ledger/operation-row.ts';
import { recordEvent } from '../../src/outcome/record-event.ts';
import type { Event } from '../../src/outcome/transition.ts';
import { gateParts } from '../support/gate-parts.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

// What shares a batch, what does not, and what a batch that fails leaves behind.

const store = storeOfHosts(2_000);

const decisionOf = (decided: Decided): string =>
  ('repeat' in decided ? decided.repeat : decided).document.decision;
const idOf = (decided: Decided): string => ('repeat' in decided ? decided.repeat : decided).document.id;

/** The store's database, whose commits end as `commit` says. */
function withCommits(
  db: Kysely<Database>,
  commit: (tx: ControlledTransaction<Database>) => Promise<void>,
): Kysely<Database> {
  const through = <T extends object>(target: T, own: Partial<Record<keyof T, unknown>>): T =>
    new Proxy(target, {
      get: (_target, name) => {
        if (Object.hasOwn(own, name)) return Reflect.get(own, name);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return through(db, {
    startTransaction: () => ({
      execute: async () => {
        const tx = await db.startTransaction().execute();
        return through(tx, { commit: () => ({ execute: async () => await commit(tx) }) });
      },
    }),
  });
}

const broken = (code?: string): Error => Object.assign(new Error('the connection broke'), { code });

describe('a commit', () => {
  it('without an answer is told as such, gives its connection back, and the same key tells what came of it', async () => {
    let lose: 'before' | 'after' | undefined;
    const db = withCommits(store.db, async tx => {
      if (lose === 'before') throw broken();
      await tx.commit().execute();
      if (lose === 'after') throw broken('08006');
    });
    const { ask } = await gateParts(store, { db });
    for (const [index, when] of (['before', 'after', 'before'] as const).entries()) {
      lose = when;
      await expect(ask([`h${index}`], `k${index}`)).rejects.toMatchObject({ rule: 'forward.commit_unknown' });
    }
    lose = undefined;
    // The embedded store has one connection: had it not come back, this would wait for ever.
    expect('repeat' in (await ask(['h1'], 'k1'))).toBe(true);
    const again = await ask(['h0'], 'k0');
    expect('repeat' in again).toBe(false);
    expect(decisionOf(again)).toBe('allowed');
  });

  it.each(['40001', '40P01', '23505'])('that the database refused (%s) is no unknown one', async code => {
    let refuse = false;
    const db = withCommits(store.db, async tx => {
      if (refuse) throw broken(code);
      await tx.commit().execute();
    });
    const { ask } = await gateParts(store, { db });
    refuse = true;
    await expect(ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'gate.failed' });
    refuse = false;
    expect(decisionOf(await ask(['h1'], 'k1'))).toBe('allowed');
  });

  it('whose end the database does not know (40003) is unknown', async () => {
    let lose = false;
    const db = withCommits(store.db, async tx => {
      if (lose) throw broken('40003');
      await tx.commit().execute();
    });
    const { ask } = await gateParts(store, { db });
    lose = true;
    await expect(ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'forward.commit_unknown' });
  });
});

describe('a batch that is one statement', () => {
  /** The store's database, whose statement behind the fence ends with this error, before it is sent or after it was done. */
  const withWrites = (
    ends: () => { readonly when: 'before' | 'after'; readonly error: Error } | undefined,
  ) => {
    const done = new Set<string>();
    return store.db.withPlugin({
      transformQuery: ({ node, queryId }) => {
        const end = JSON.stringify(node).includes('update head set') ? ends() : undefined;
        if (end?.when === 'before') throw end.error;
        if (end?.when === 'after') done.add(queryId.queryId);
        return node;
      },
      transformResult: async ({ result, queryId }) => {
        if (done.has(queryId.queryId)) throw ends()?.error ?? broken();
        return await Promise.resolve(result);
      },
    });
  };

  it('and ends without an answer is told as such, and the same key tells what came of it', async () => {
    let end: { readonly when: 'before' | 'after'; readonly error: Error } | undefined;
    const { ask } = await gateParts(store, { db: withWrites(() => end) });
    for (const [index, when] of (['before', 'after'] as const).entries()) {
      end = undefined;
      // Under the lock, and only then as one statement.
      await ask([`h${index}0`], `warm ${index}`);
      end = { when, error: broken(when === 'after' ? '08006' : undefined) };
      await expect(ask([`h${index}`], `k${index}`)).rejects.toMatchObject({ rule: 'forward.commit_unknown' });
    }
    end = undefined;
    expect('repeat' in (await ask(['h1'], 'k1'))).toBe(true);
    const again = await ask(['h0'], 'k0');
    expect('repeat' in again).toBe(false);
    expect(decisionOf(again)).toBe('allowed');
  });

  it.each(['23505', '40001', '55P03', '57014', '22012'])(
    'and that the database refused (%s) was not written, and says so',
    async code => {
      let end: { readonly when: 'before'; readonly error: Error } | undefined;
      const { ask } = await gateParts(store, { db: withWrites(() => end) });
      await ask(['h0'], 'warm');
      end = { when: 'before', error: broken(code) };
      await expect(ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'gate.failed' });
      end = undefined;
      expect(decisionOf(await ask(['h1'], 'k1'))).toBe('allowed');
    },
  );

  it.each(['53100', '53200'])(
    'and for which there was no room (%s) was not written, and says so',
    async code => {
      let end: { readonly when: 'before'; readonly error: Error } | undefined;
      const { ask } = await gateParts(store, { db: withWrites(() => end) });
      await ask(['h0'], 'warm');
      end = { when: 'before', error: broken(code) };
      await expect(ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'store.unavailable' });
      end = undefined;
      expect(decisionOf(await ask(['h1'], 'k1'))).toBe('allowed');
    },
  );

  it.each(['57P01', '08006', '40003', '58030'])('and whose end is not told (%s) is unknown', async code => {
    let end: { readonly when: 'before'; readonly error: Error } | undefined;
    const { ask } = await gateParts(store, { db: withWrites(() => end) });
    await ask(['h0'], 'warm');
    end = { when: 'before', error: broken(code) };
    await expect(ask(['h1'], 'k1')).rejects.toMatchObject({ rule: 'forward.commit_unknown' });
  });

  it('finds a key that this gate decided after it was looked up', async () => {
    const { ask } = await gateParts(store);
    await ask(['h0'], 'warm');
    await ask(['h1'], 'k1', { keyWasFree: true });
    expect('repeat' in (await ask(['h1'], 'k1', { keyWasFree: true }))).toBe(true);
  });

  it('finds a key that another gate decided after it was looked up', async () => {
    const [one, other] = [await gateParts(store), await gateParts(store)];
    await one.ask(['h0'], 'warm');
    await other.ask(['h1'], 'k1');
    expect('repeat' in (await one.ask(['h1'], 'k1', { keyWasFree: true }))).toBe(true);
    await one.ask(['h2'], 'calm');
    expect('repeat' in (await one.ask(['h1'], 'k1', { keyWasFree: true }))).toBe(true);
  });

  it('finds such a key also when it has long forgotten that there is another gate', async () => {
    let failed = 0;
    const one = await gateParts(store, { onFailedBatch: () => void (failed += 1) });
    const other = await gateParts(store);
    const first = idOf(await other.ask(['h1'], 'k1'));
    for (let turn = 0; turn < 20; turn += 1) await one.ask(['h2'], '', { mode: 'preflight' });
    const alone = await one.ask(['h1'], 'k1', { keyWasFree: true });
    expect('repeat' in alone && idOf(alone)).toBe(first);
    // Nor do those that share its batch hear of it.
    const second = idOf(await other.ask(['h3'], 'k3'));
    for (let turn = 0; turn < 20; turn += 1) await one.ask(['h2'], '', { mode: 'preflight' });
    const [shared, beside] = await Promise.all([
      one.ask(['h3'], 'k3', { keyWasFree: true }),
      one.ask(['h4'], 'k4', { keyWasFree: true }),
    ]);
    expect('repeat' in shared && idOf(shared)).toBe(second);
    expect('repeat' in beside).toBe(false);
    expect(decisionOf(beside)).toBe('allowed');
    expect(failed).toBe(0);
  });

  it('finds such a key with its decision, where it is looked up for another body of the same batch', async () => {
    const [one, other] = [await gateParts(store), await gateParts(store)];
    const first = idOf(await other.ask(['h1'], 'k1'));
    for (let turn = 0; turn < 20; turn += 1) await one.ask(['h2'], '', { mode: 'preflight' });
    const [again, another] = await Promise.all([
      one.ask(['h1'], 'k1', { keyWasFree: true }),
      one.ask(['h2'], 'k1'),
    ]);
    expect('repeat' in again && idOf(again)).toBe(first);
    expect(decisionOf(another)).toBe('refused');
  });
});

describe('a stop', () => {
  it('goes before all that waits, and before the jobs of a batch that failed', async () => {
    const { ledger } = await gateParts(store);
    const order: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>(resolve => (release = resolve));
    const bad = ledger.enqueue(async () => {
      await held;
      throw new Error('a bug');
    });
    const others = Array.from(
      { length: 50 },
      async (_, index) => await ledger.enqueue(() => void order.push(`job ${index}`)),
    );
    await new Promise(resolve => setTimeout(resolve, 50));
    const stops = [1, 2].map(
      async index => await ledger.enqueueAlone(() => void order.push(`stop ${index}`)),
    );
    release();
    await Promise.allSettled([bad, ...others, ...stops]);
    expect(order.slice(0, 3)).toEqual(['stop 1', 'stop 2', 'job 0']);
    expect(order).toHaveLength(52);
  });

  it('does not wait for more than a batch of 20,000 targets', async () => {
    const { ledger } = await gateParts(store);
    const order: string[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>(resolve => (release = resolve));
    const first = ledger.enqueue(async () => await held);
    await new Promise(resolve => setTimeout(resolve, 50));
    const heavy = [1, 2, 3].map(
      async index =>
        await ledger.enqueue(
          turn => {
            order.push(`heavy ${index} at version ${turn.book.version}`);
            turn.draft.append('outcome', { index });
          },
          { weight: 15_000 },
        ),
    );
    release();
    await Promise.all([first, ...heavy]);
    expect(new Set(order.map(one => one.split(' at ')[1])).size).toBe(3);
  });
});

describe('a job', () => {
  it('that waited too long is withdrawn, and never runs', async () => {
    const { ledger } = await gateParts(store);
    let ran = false;
    let release: () => void = () => undefined;
    const held = new Promise<void>(resolve => (release = resolve));
    const first = ledger.enqueueAlone(async () => await held);
    await new Promise(resolve => setTimeout(resolve, 50));
    const late = ledger.enqueue(() => void (ran = true), { patienceMs: 20 });
    await expect(late).rejects.toMatchObject({ rule: 'store.undecided' });
    release();
    await first;
    await ledger.drained();
    expect(ran).toBe(false);
  });

  it('whose time ran out in a batch that failed is not run again', async () => {
    const { ledger } = await gateParts(store);
    let runs = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>(resolve => (release = resolve));
    const late = ledger.enqueue(() => void (runs += 1), { patienceMs: 50 });
    const bad = ledger.enqueue(async () => {
      await held;
      throw new Error('a bug');
    });
    setTimeout(release, 200);
    await expect(late).rejects.toMatchObject({ rule: 'store.undecided' });
    await expect(bad).rejects.toMatchObject({ rule: 'gate.failed' });
    expect(runs).toBe(1);
  });
});

describe('a delivered that comes after a refusal', () => {
  const event = (turn: Turn, id: string, what: Event): Promise<unknown> =>
    findOperation(turn.db, id).then(row => {
      if (row === undefined) throw new Error('the operation is not there');
      return recordEvent(turn, toOperation(row), what, 'wiper');
    });

  it('holds the targets for the rest of its batch already', async () => {
    const { ask, ledger } = await gateParts(store);
    const id = idOf(await ask(['h1', 'h2'], 'k1'));
    const refused = { kind: 'refused', detail: 'no', httpStatus: 409 } as const;
    await ledger.enqueue(turn => event(turn, id, { type: 'attempt', attempt: 1, attempted: refused }));
    const [, second] = await Promise.all([
      ledger.enqueue(turn =>
        event(turn, id, { type: 'report', status: 'delivered', fromExecutor: true, by: 'wiper' }),
      ),
      ask(['h1', 'h2'], 'k2'),
    ]);
    expect(second).toMatchObject({
      document: { decision: 'refused', reasons: [{ rule: 'targets.already_done' }, {}] },
    });
  });
});

it('who settled an outcome is written, changed, and taken away again by an answer that overrules it', async () => {
  const { ask, ledger } = await gateParts(store);
  const id = idOf(await ask(['h1'], 'k1'));
  const settledBy = async (what: Event): Promise<(string | null)[]> => {
    await ledger.enqueue(async turn => {
      const row = await findOperation(turn.db, id);
      if (row === undefined) throw new Error('the operation is not there');
      recordEvent(turn, toOperation(row), what, 'gate-1');
    });
    const rows = await store.db.selectFrom('operations').select(['settled_by']).execute();
    return rows.map(({ settled_by }) => settled_by);
  };
  const answer = (kind: 'unknown' | 'delivered'): Event => ({
    type: 'attempt',
    attempt: 1,
    attempted: { kind, detail: 'a test' },
  });
  expect(await settledBy(answer('unknown'))).toEqual([null]);
  const report = { type: 'report', status: 'refused', fromExecutor: false, by: 'oncall' } as const;
  expect(await settledBy(report)).toEqual(['oncall']);
  expect(await settledBy(answer('delivered'))).toEqual([null]);
});

describe('a store with another history than the book', () => {
  /** As a standby that was promoted has it, which lacks the last entry and has gone on: a switch stands in its place. */
  const setBackAndGoOn = async (at: { readonly version: number; readonly seq: number }, ahead: number) => {
    const { db } = store;
    const engage = JSON.stringify({
      event: 'engage',
      id: 'e',
      scope: {},
      reason: '',
      except: [],
      by: 'oncall',
    });
    await sql`set session_replication_role = replica`.execute(db);
    await sql`delete from entries where seq = ${at.seq}`.execute(db);
    for (const table of ['holds', 'spends', 'operations'])
      await sql`delete from ${sql.table(table)}`.execute(db);
    await sql`insert into entries (seq, at, type, body, prev, hash) values (${at.seq}, now(), 'kill_switch', ${engage}::json, 'p', 'other')`.execute(
      db,
    );
    for (let more = 1; more <= ahead; more += 1)
      await sql`insert into entries (seq, at, type, body, prev, hash) values (${at.seq + more}, now(), 'outcome', '{}', 'p', ${`other ${more}`})`.execute(
        db,
      );
    await sql`update head set version = ${at.version + ahead}, seq = ${at.seq + ahead}, hash = ${ahead === 0 ? 'other' : `other ${ahead}`}`.execute(
      db,
    );
    await sql`set session_replication_role = origin`.execute(db);
  };

  it.each([0, 1, 5])('is not decided on, also when it is %d entries ahead', async ahead => {
    const { ask, ledger } = await gateParts(store);
    await ask(['h1'], 'k1');
    await setBackAndGoOn(await ledger.enqueue(({ book: { version, seq } }) => ({ version, seq })), ahead);
    for (const key of ['k2', 'k3'])
      await expect(ask(['h2'], key)).rejects.toMatchObject({ rule: 'store.behind' });
    await expect(ledger.enqueueAlone(() => undefined)).rejects.toMatchObject({ rule: 'store.behind' });
    // A gate that is started anew on it, as it was told to, has nothing to miss.
    const anew = await gateParts(store);
    expect(await anew.ask(['h2'], 'k2')).toMatchObject({
      document: { decision: 'refused', reasons: [{ rule: 'kill_switch.engaged' }] },
    });
  });

  it('is not decided on when it is behind, and is again when it has what was recorded', async () => {
    const { ask } = await gateParts(store);
    await ask(['h1'], 'k1');
    const [head] = await store.db.selectFrom('head').selectAll().execute();
    if (head === undefined) throw new Error('no head');
    const setHead = async (version: number): Promise<void> => {
      await store.db.updateTable('head').set({ version }).execute();
    };
    await setHead(head.version - 1);
    await expect(ask(['h2'], 'k2')).rejects.toMatchObject({ rule: 'store.behind' });
    await setHead(head.version);
    expect(decisionOf(await ask(['h2'], 'k2'))).toBe('allowed');
  });
});
