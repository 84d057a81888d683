import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';

import type { Claimed } from '../../src/ledger/claim.ts';
import type { Decided, Deciding } from '../../src/ledger/deciding.ts';
import type { AskedKey } from '../../src/ledger/key.ts';
import { findRecorded } from '../../src/ledger/queries.ts';
import { readRecorded } from '../../src/ledger/recorded.ts';
import type { Turn } from '../../src/ledger/turn.ts';
import { bot, gateParts, setOf } from '../support/gate-parts.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `h${from + index}`);

function verdictOf(decided: Decided): { decision: string; rules: string[]; status: number } {
  const { document, status } = 'repeat' in decided ? decided.repeat : decided;
  return { decision: document.decision, rules: document.reasons.map(({ rule }) => rule), status };
}

describe('the ledger', () => {
  const store = storeOfHosts(2_000);
  const count = async (table: string): Promise<number> => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from ${sql.table(table)}`.execute(
      store.db,
    );
    return rows[0]?.n ?? -1;
  };

  it('decides nothing, and says so in the record, while its policy is not the active one', async () => {
    const { ask, ledger } = await gateParts(store);
    await ledger.enqueueAlone(turn => {
      turn.draft.append('policy', { event: 'activate', digest: 'sha256:another', by: 'gate-2' });
    });
    expect(verdictOf(await ask(['h1'], 'k1'))).toEqual({
      decision: 'fault',
      rules: ['policy.stale'],
      status: 503,
    });
    expect(ledger.activePolicy()).toBe('sha256:another');
    const again = await ask(['h1'], 'k1');
    expect('document' in again && again.document.reasons[0]?.message).toMatch(
      /active is sha256:another\. Ask another gate; give this one the files of what is active and send it SIGHUP, or restart it with --activate/,
    );
    expect(await count('operations')).toBe(0);
  });

  it('goes on in another turn where the jobs of one take long, and a stop goes before them', async () => {
    let tookMs = 0;
    const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() + tookMs };
    const { ledger } = await gateParts(store, { clock });
    const ran: string[] = [];
    let stop: Promise<unknown> | undefined;
    const run = async (name: string): Promise<void> => {
      await ledger.enqueue(() => {
        stop ??= ledger.enqueueAlone(() => ran.push('stop'));
        ran.push(name);
        tookMs += 200;
      });
    };
    await Promise.all([run('first'), run('second'), run('third')]);
    await stop;
    expect(ran).toEqual(['first', 'second', 'stop', 'third']);
  });

  it('says nothing of a smaller set where a switch or another request stands in the way', async () => {
    const engaged = await gateParts(store, { killFile: () => true });
    const stopped = await engaged.ask(ids(0, 101), 'k1');
    expect(verdictOf(stopped)).toMatchObject({
      rules: ['budget.window', 'kill_switch.engaged'],
      status: 423,
    });
    expect(stopped).not.toHaveProperty('document.passes');
    const { ask } = await gateParts(store);
    await ask(['h50'], 'k2');
    const held = await ask(ids(0, 101), 'k3');
    expect(verdictOf(held)).toMatchObject({ rules: ['budget.window', 'targets.in_operation'], status: 409 });
    expect(held).not.toHaveProperty('document.passes');
  });

  it.each([
    ['', 'by oncall.'],
    ['smoke', 'by oncall: smoke.'],
    ['Smoke in r12!', 'by oncall: Smoke in r12!'],
  ])('says who engaged the switch and why, for the reason "%s"', async (reason, end) => {
    const { ask, ledger } = await gateParts(store);
    await ledger.enqueueAlone(turn => {
      turn.draft.append('kill_switch', {
        event: 'engage',
        id: 's1',
        scope: {},
        reason,
        except: [],
        by: 'oncall',
      });
    });
    const decided = await ask(['h1'], 'k1');
    if ('repeat' in decided) throw new Error('a repeat');
    expect(decided.document.reasons[0]?.message.endsWith(end), decided.document.reasons[0]?.message).toBe(
      true,
    );
  });

  it('resolves anew, under the lock, what was resolved in another revision than the one in force', async () => {
    const { ask } = await gateParts(store);
    const asked: number[] = [];
    const resolve: Deciding['resolve'] = async (_turn, _validated, revision) => {
      asked.push(revision);
      return await Promise.resolve(setOf(['h7', 'h8'], revision));
    };
    const decided = await ask(['h1'], 'k1', { revision: 2, deciding: { resolve } });
    expect(asked).toEqual([1]);
    expect(decided).toMatchObject({ status: 200, document: { targets: { count: 2 } } });
    await ask(['h1'], 'k2', { revision: 1, deciding: { resolve } });
    expect(asked).toEqual([1]);
    const { rows } = await sql`select target_id from holds order by 1`.execute(store.db);
    expect(rows).toEqual(['h1', 'h7', 'h8'].map(id => ({ target_id: id })));
  });

  it('decides nothing on an inventory that was loaded under another declaration of its kind', async () => {
    const { ask } = await gateParts(store);
    const deciding = { definitions: new Map([['host', 'another definition']]) };
    const no = { decision: 'refused', rules: ['inventory.stale'], status: 503 };
    expect(verdictOf(await ask(['h1'], 'k1', { deciding }))).toEqual(no);
    expect(verdictOf(await ask(['h1'], 'k1', { deciding: { definitions: new Map() } }))).toEqual(no);
    expect(verdictOf(await ask(['h1'], 'k1')).decision).toBe('allowed');
  });

  it.each([
    ['from the future', "now() + interval '1 minute'"],
    ['older than it may be', "now() - interval '24 hours 1 second'"],
  ])('decides nothing on an inventory that is %s', async (_, asOf) => {
    await sql`update inventory_kinds set as_of = ${sql.raw(asOf)}`.execute(store.db);
    const { ask } = await gateParts(store);
    expect(verdictOf(await ask(['h1'], 'k1'))).toEqual({
      decision: 'refused',
      rules: ['inventory.stale'],
      status: 503,
    });
    expect(await count('operations')).toBe(0);
  });

  it('reads the decision that holds a key for who asks with its body, also beside one with another body', async () => {
    const { ask } = await gateParts(store);
    await ask(['h1'], 'same');
    const { rows } = await sql<{ digest: string }>`select body_digest as digest from decisions`.execute(
      store.db,
    );
    const own = { principal: bot.name, key: 'same', bodyDigest: rows[0]?.digest ?? '' };
    const other = { ...own, bodyDigest: 'sha256:other' };
    const found = async (...keys: readonly AskedKey[]) =>
      [...(await readRecorded(store.db, keys)).values()].map(held => [held.bodyDigest, 'repeat' in held]);
    expect(await found(other)).toEqual([[own.bodyDigest, false]]);
    for (const keys of [[own], [own, other], [other, own]])
      expect(await found(...keys)).toEqual([[own.bodyDigest, true]]);
    // It may be megabytes, and be asked for by hundreds who try again at once.
    expect(await findRecorded(store.db, [own, own, other, own])).toHaveLength(2);
  });

  it('sees what another gate decided before its own next decision', async () => {
    const one = await gateParts(store);
    const other = await gateParts(store);
    await one.ask(ids(0, 60), 'k1');
    expect(verdictOf(await other.ask(ids(100, 60), 'k2'))).toMatchObject({
      decision: 'refused',
      rules: ['budget.window'],
    });
    expect(verdictOf(await other.ask(['h1'], 'k3'))).toMatchObject({ rules: ['targets.in_operation'] });
    expect(verdictOf(await other.ask(ids(100, 40), 'k4')).decision).toBe('allowed');
    expect(verdictOf(await one.ask(['h900'], 'k5')).decision).toBe('refused');
  });

  it('takes a job that fails out of its batch, and writes the others', async () => {
    let failedBatches = 0;
    const { ask, ledger } = await gateParts(store, { onFailedBatch: () => (failedBatches += 1) });
    const broken = ledger.enqueue(() => {
      throw new Error('a bug');
    });
    const results = await Promise.allSettled([ask(['h1'], 'k1'), broken, ask(['h2'], 'k2')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { rule: 'gate.failed' } });
    expect(await count('operations')).toBe(2);
    // Once with the others, and once alone.
    expect(failedBatches).toBe(2);
  });

  it('writes several entries in one batch, and moves the head once', async () => {
    const { ledger } = await gateParts(store);
    await ledger.enqueue(turn => {
      for (let index = 0; index < 5; index += 1) turn.draft.append('outcome', { index });
    });
    const { rows } = await sql`select version::int as version, seq::int as seq from head`.execute(store.db);
    expect(rows).toEqual([{ version: 3, seq: 6 }]);
  });

  it('claims as many at once as the executor takes, and lets the rest wait in order', async () => {
    const { ask } = await gateParts(store);
    const decided = await Promise.all([0, 1, 2, 3].map(index => ask([`h${index}`], `k${index}`)));
    expect(decided.map(one => 'claimed' in one && one.claimed !== undefined)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const { rows } = await sql<{ phase: string }>`select phase from operations order by seq`.execute(
      store.db,
    );
    expect(rows.map(({ phase }) => phase)).toEqual(['claimed', 'claimed', 'waiting', 'waiting']);
  });

  it('gives no permit for a claim before its batch is durable, nor where it never is', async () => {
    const { ledger, decide } = await gateParts(store);
    const claims: Claimed[] = [];
    const claim = (turn: Turn, key: string): void => {
      const decided = decide(turn, ['h1'], key);
      if (decided instanceof Promise || !('claimed' in decided) || decided.claimed === undefined)
        throw new Error('nothing was claimed');
      claims.push(decided.claimed);
      expect(() => decided.claimed?.permit()).toThrow('not durable');
    };
    const failed = ledger.enqueue(turn => {
      claim(turn, 'k1');
      throw new Error('a job that fails');
    });
    await expect(failed).rejects.toThrow('could not write');
    expect(() => claims.at(-1)?.permit()).toThrow('not durable');
    await ledger.enqueue(turn => claim(turn, 'k2'));
    expect(claims.at(-1)?.permit()).toMatchObject({ attempt: 1, ids: ['h1'] });
  });
});
