import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { Store } from '../src/db/store.ts';
import { systemClock } from '../src/kit/clock.ts';
import { Deadline } from '../src/kit/deadline.ts';
import { isRefusal } from '../src/kit/refusal.ts';
import { createReadsBefore } from '../src/reads-before.ts';
import { countedStatements } from './support/counted-statements.ts';
import { names } from './support/api.ts';
import { memoryStore } from './support/store.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});

describe('a read before the ledger', () => {
  it('is given up at the deadline of its request, one for all of its reads', async () => {
    const reads = createReadsBefore(store, () => false);
    const key = { principal: 'bot', key: 'k', bodyDigest: 'sha256:b' };
    // The store's one connection is taken, as by a database that does not answer.
    const tx = await store.db.startTransaction().execute();
    onTestFinished(async () => {
      if (!tx.isRolledBack) await tx.rollback().execute();
    });
    const deadline = new Deadline(systemClock, 50);
    await expect(reads.recorded(key, deadline)).rejects.toMatchObject({ rule: 'store.undecided' });
    // Timers count whole milliseconds, and so does their clock: one may come within the last two.
    expect(deadline.leftMs()).toBeLessThan(2);
    const named = { ids: ['h1'] } as const;
    await expect(reads.resolve('host', named, 1, deadline)).rejects.toMatchObject({
      rule: 'store.undecided',
    });
    await tx.rollback().execute();
    expect(await reads.recorded(key, new Deadline(systemClock, 10_000))).toBeUndefined();
  });

  it('is of two large requests at once, so that of many who ask together the first are answered in time', async () => {
    const { db, begun } = countedStatements(store.db);
    const reads = createReadsBefore({ ...store, db, embedded: false }, () => false);
    const [first, ...rest] = names('host', 101);
    const tx = await store.db.startTransaction().execute();
    onTestFinished(async () => {
      if (!tx.isRolledBack) await tx.rollback().execute();
    });
    const asked = Array.from({ length: 8 }, async () => {
      const deadline = new Deadline(systemClock, 10_000);
      return await reads.resolve('host', { ids: [first ?? '', ...rest] }, 1, deadline);
    });
    await setImmediate();
    expect(begun()).toBe(2);
    await tx.rollback().execute();
    expect((await Promise.all(asked)).every(isRefusal)).toBe(true);
  });

  it('that fails says that the database did not answer', async () => {
    const reads = createReadsBefore({ ...store, keyedDb: store.db.withSchema('nowhere') }, () => false);
    const tx = await store.db.startTransaction().execute();
    await tx.schema.alterTable('decisions').renameTo('elsewhere').execute();
    await tx.commit().execute();
    await expect(
      reads.recorded(
        { principal: 'bot', key: 'k', bodyDigest: 'sha256:b' },
        new Deadline(systemClock, 10_000),
      ),
    ).rejects.toMatchObject({ rule: 'store.unavailable' });
  });
});
