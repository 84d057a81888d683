import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Principal } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { KillSwitch } from '../../src/kill-switch/kill-switch.ts';
import { bot, gateParts, host, wipe } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});

const oncall: Principal = { ...bot, name: 'oncall', roles: new Set(['operator']) };

it.each([
  [['oncall'], 'There is no requester "oncall": known are bot. Nothing was engaged.'],
  [['bott'], 'There is no requester "bott": did you mean bot? Nothing was engaged.'],
])('whoever can never ask is not let through, and nothing is engaged: %j', async (except, message) => {
  const { ledger } = await gateParts(store);
  const killSwitch = new KillSwitch({
    killFile: '/nowhere/there-is-no-such-folder/KILL',
    actions: new Map([[wipe.name, wipe]]),
    kinds: new Map([['host', host]]),
    principals: [bot, oncall],
    ledger,
  });
  const refused = await killSwitch.engage({ scope: {}, reason: 'a test', except }, oncall);
  expect(refused).toMatchObject({ status: 422, reasons: [{ pointer: '/except/0', message }] });
  const engaged = await ledger.enqueue(({ book }) => [...book.switches.keys()]);
  expect(engaged).toEqual([]);
});
