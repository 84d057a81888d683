import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Store } from '../../src/db/store.ts';
import { loadHosts, wipeStore } from './gate-parts.ts';
import { memoryStore } from './store.ts';

/**
 * One store in memory for all tests of a file, or of the `describe` that asks for it: before each it holds so many hosts (`loadHosts`), and
 * nothing else. Read it inside tests only.
 */
export function storeOfHosts(count: number): Store {
  let opened: Store | undefined;
  const store = (): Store => {
    if (opened === undefined) throw new Error('the store is not open yet');
    return opened;
  };
  beforeAll(async () => {
    opened = await memoryStore();
  });
  beforeEach(async () => {
    await wipeStore(store());
    await loadHosts(store(), count);
  });
  afterAll(async () => {
    await opened?.close();
  });
  return {
    get db() {
      return store().db;
    },
    get ledgerDb() {
      return store().ledgerDb;
    },
    get keyedDb() {
      return store().keyedDb;
    },
    get pool() {
      return store().pool;
    },
    get migrating() {
      return store().migrating;
    },
    embedded: true,
    close: async () => await store().close(),
  };
}
