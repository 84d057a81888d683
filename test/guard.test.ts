import { expect, it } from 'vitest';

import type { GuardOptions } from '../src/before-the-ledger.ts';
import { Guard } from '../src/guard.ts';
import { Fault } from '../src/kit/fault.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { compileParameterChecks } from '../src/validate/parameters.ts';
import { bot, host, wipe } from './support/gate-parts.ts';

it('gives the ledger what is left of the 10 s of a request, not 10 s anew', async () => {
  let nowMs = 0;
  const actions = new Map([[wipe.name, wipe]]);
  const patience: (number | undefined)[] = [];
  const options: Pick<GuardOptions, 'actions' | 'kinds' | 'parameterChecks' | 'metrics' | 'clock' | 'reads'> =
    {
      actions,
      kinds: new Map([['host', host]]),
      parameterChecks: compileParameterChecks(actions),
      metrics: createMetrics({ actions: new Set(), kinds: new Map(), version: '0.0.0', wallMs: () => 0 }),
      clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
      reads: {
        recorded: async () => {
          nowMs += 4_000;
          return await Promise.resolve(undefined);
        },
        resolve: async () => await Promise.reject(new Error('there is no revision yet')),
      },
    };
  const ledger = {
    revisionOf: () => undefined,
    enqueue: async (_work: unknown, { patienceMs }: { readonly patienceMs?: number }) => {
      patience.push(patienceMs);
      return await Promise.reject(new Fault('store.undecided', 'enough for this test'));
    },
  };
  // Of the ledger the guard uses these two, and of the rest nothing before the ledger has answered.
  const guard = new Guard({ ...options, ledger } as unknown as GuardOptions);
  const asked = {
    principal: bot,
    body: { action: wipe.name, targets: { ids: ['h1'] }, reason: 'a test' },
    bodyDigest: 'sha256:b',
    idempotencyKey: 'k',
  };
  await expect(
    guard.submit(asked, { waitMs: 0, repeatWaitMs: 0, onLeft: () => () => undefined }, () => true),
  ).rejects.toMatchObject({
    rule: 'store.undecided',
  });
  expect(patience).toEqual([6_000]);
});
