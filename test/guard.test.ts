import { expect, it } from 'vitest';

import type { GuardOptions } from '../src/before-the-ledger.ts';
import { Guard } from '../src/guard.ts';
import { Fault } from '../src/kit/fault.ts';
import type { JsonObject } from '../src/kit/strict-json.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { compileParameterChecks } from '../src/validate/parameters.ts';
import { bot, host, wipe } from './support/gate-parts.ts';

/** A guard whose key look-up is `lookUp`, and whose ledger is told how long it may take and gives up. */
function guardOf(
  lookUp: () => void,
  monotonicMs: () => number,
  enqueued: (patienceMs?: number) => void,
): Guard {
  const actions = new Map([[wipe.name, wipe]]);
  const options: Pick<GuardOptions, 'actions' | 'kinds' | 'parameterChecks' | 'metrics' | 'clock' | 'reads'> =
    {
      actions,
      kinds: new Map([['host', host]]),
      parameterChecks: compileParameterChecks(actions),
      metrics: createMetrics({ actions: new Set(), kinds: new Map(), version: '0.0.0', wallMs: () => 0 }),
      clock: { wallMs: monotonicMs, monotonicMs },
      reads: {
        recorded: async () => {
          lookUp();
          return await Promise.resolve(undefined);
        },
        resolve: async () => await Promise.reject(new Error('there is no revision yet')),
      },
    };
  const ledger = {
    revisionOf: () => undefined,
    enqueue: async (_work: unknown, { patienceMs }: { readonly patienceMs?: number }) => {
      enqueued(patienceMs);
      return await Promise.reject(new Fault('store.undecided', 'enough for this test'));
    },
  };
  // Of the ledger the guard uses these two, and of the rest nothing before the ledger has answered.
  return new Guard({ ...options, ledger } as unknown as GuardOptions);
}

async function submit(guard: Guard, targets: () => JsonObject): Promise<void> {
  const body = {
    action: wipe.name,
    reason: 'a test',
    get targets() {
      return targets();
    },
  };
  const asked = { principal: bot, body, bodyDigest: 'sha256:b', idempotencyKey: 'k' };
  await expect(
    guard.submit(asked, { waitMs: 0, repeatWaitMs: 0, onLeft: () => () => undefined }, () => true),
  ).rejects.toMatchObject({ rule: 'store.undecided' });
}

it('gives the ledger what is left of the 10 s of a request, not 10 s anew', async () => {
  let nowMs = 0;
  const patience: (number | undefined)[] = [];
  const guard = guardOf(
    () => (nowMs += 4_000),
    () => nowMs,
    patienceMs => patience.push(patienceMs),
  );
  await submit(guard, () => ({ ids: ['h1'] }));
  expect(patience).toEqual([6_000]);
});

it('checks a request before its key is looked up with those of others, which are all answered in one turn', async () => {
  const done = new Set<string>();
  const guard = guardOf(
    () => done.add('key looked up'),
    () => 0,
    () => undefined,
  );
  await submit(guard, () => {
    done.add('targets checked');
    return { ids: ['h1'] };
  });
  expect([...done]).toEqual(['targets checked', 'key looked up']);
});
