import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Store } from '../../src/db/store.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { shippedBundle } from '../policy/samples.ts';
import { stopTime } from '../support/database-clock.ts';
import { memoryStore } from '../support/store.ts';
import { OneGate, type Answered, type Sent } from './budget-gates.ts';

// An exception is used up by what is allowed under it, also by what came in the same batch, which no row tells yet.

const ACTION = 'host.reboot';
const ids = Array.from({ length: 8 }, (_, index) => `h${index}`);
const limits: Limits = {
  actions: {
    [ACTION]: {
      max_targets: 1,
      max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
      require: 'any',
      windows: [{ per: 'fleet', over_s: 1, max_targets: 1_000 }],
    },
  },
  ...{ budgets: [], protected: [], freezes: [] },
  exceptions: [
    {
      ...{ id: 'e1', action: ACTION, set: { max_targets: 2 }, principal: 'bot' },
      ...{ owner: 'jo', ticket: 'DC-1', until_ms: Number.MAX_SAFE_INTEGER, max_targets: 5 },
    },
  ],
};

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => await store.close());

const verdictOf = ({ decided }: Answered): string => {
  if ('repeat' in decided) throw new Error('a repeat');
  const { exceptions, decision } = decided.document;
  return exceptions?.join() ?? decision;
};

it('lets two of three requests through that come at once, where it has targets for two', async () => {
  const time = await stopTime(store);
  const gate = new OneGate({
    ...{ store, policy: createPolicy(await shippedBundle(), limits), requesters: ['bot'], ids },
    traits: { [ACTION]: { irreversible: false, concurrency: 9, timeoutMs: 1_000_000 } },
    clock: time.clock,
  });
  await gate.start();
  await gate.load(new Map(ids.map(id => [id, { region: 'eu', state: 'serving' }])), time.nowMs());
  const asked = (from: number): Sent => ({
    ...{ principal: 'bot', action: ACTION, counted: true, keyWasFree: true },
    ...{ key: `k${from}`, ids: ids.slice(from, from + 2) },
  });
  const answers = await gate.ask([asked(0), asked(2), asked(4)]);
  expect(answers.map(verdictOf)).toEqual(['e1', 'e1', 'refused']);
});
