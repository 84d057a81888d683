import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Store } from '../../src/db/store.ts';
import { KillSwitch } from '../../src/kill-switch/kill-switch.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { bot, gateParts, host, loadHosts, wipe } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
  await loadHosts(store, 2_000);
});
afterAll(async () => {
  await store.close();
});

it('is a second attempt too whose outcome a late answer to the first has settled; a first one that was reported is not', async () => {
  const { ask, ledger } = await gateParts(store);
  await Promise.all([1, 2].map(async index => await ask([`h${index}`], `k${index}`)));
  const ids = await ledger.enqueue(({ book, draft }) => {
    const [first, second] = [...book.operations()];
    if (first === undefined || second === undefined) throw new Error('two were claimed');
    const settle = (operation: Operation, attempts: number): void => {
      const after: Operation = { ...operation, phase: 'claimed', attempts, outcome: 'delivered' };
      draft.setOperation(after, operation);
      book.setOperation(after);
    };
    settle(first, 1);
    settle(second, 2);
    return [first.id, second.id];
  });
  const killSwitch = new KillSwitch({
    killFile: '/nowhere/there-is-no-such-folder/KILL',
    actions: new Map([[wipe.name, wipe]]),
    kinds: new Map([['host', host]]),
    principals: [bot],
    ledger,
  });
  const engaged = await killSwitch.engage({ scope: {}, reason: 'a test', except: [] }, bot);
  expect(engaged).toMatchObject({ on_the_wire: [ids[1]], stopped: [] });
});
