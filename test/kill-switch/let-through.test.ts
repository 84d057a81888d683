import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Principal } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { bot, gateParts } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import { killSwitchOver } from './kill-switch-over.ts';

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
  const killSwitch = killSwitchOver(ledger, { principals: [bot, oncall] });
  const refused = await killSwitch.engage({ scope: {}, reason: 'a test', except }, oncall);
  expect(refused).toMatchObject({ status: 422, reasons: [{ pointer: '/except/0', message }] });
  const engaged = await ledger.enqueue(({ book }) => [...book.switches.keys()]);
  expect(engaged).toEqual([]);
});
