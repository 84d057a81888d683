import { beforeAll, describe, expect, it } from 'vitest';

import type { Action } from '../../src/config/config.ts';
import type { Decided } from '../../src/ledger/deciding.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { fixtureModule, oddManifest } from '../policy/samples.ts';
import { gateParts, wipe } from '../support/gate-parts.ts';
import { recordedLogger } from '../support/recorded-logger.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

// A real policy in WASM that, for an action of that name, does not end, or takes all the memory there is.

const BEHAVIOURS = ['allow', 'loop', 'memory', 'trap'] as const;
type Behaviour = (typeof BEHAVIOURS)[number];
const actionOf = (name: Behaviour): Action => ({ ...wipe, name });

const limits: Limits = {
  actions: Object.fromEntries(
    BEHAVIOURS.map(name => [
      name,
      {
        max_targets: 10,
        max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
        require: 'any',
        windows: [{ per: 'fleet', over_s: 3_600, max_targets: 100 }],
      },
    ]),
  ),
  budgets: [],
  protected: [],
  freezes: [],
  exceptions: [],
};

describe('an evaluation that takes too long or too much', () => {
  const store = storeOfHosts(2_000);
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = {
      revision: 'odd',
      digest: 'sha256:odd',
      module: await fixtureModule('odd'),
      manifests: [oddManifest],
      data: { interlock: {} },
    };
  });

  /** What loops is to run out of steps, and what takes memory out of memory. */
  const parts = async (behaviour: Behaviour) => {
    const memoryPages = behaviour === 'loop' ? 16_384 : 64;
    const policy = createPolicy(bundle, limits, {
      steps: behaviour === 'loop' ? 5_000_000 : 1_000_000_000,
      memoryPages,
    });
    const { logger, whole } = recordedLogger();
    return { ...(await gateParts(store, { policy, limits, logger })), whole };
  };
  const said = (decided: Decided): string => {
    const { document } = 'repeat' in decided ? decided.repeat : decided;
    return [document.decision, ...document.reasons.map(({ rule }) => rule)].join(' ');
  };

  it.each(['loop', 'memory', 'trap'] as const)(
    '(%s) is a recorded fault of its own: the others of its batch are decided, and so is what comes after',
    async behaviour => {
      const { ask, whole } = await parts(behaviour);
      // The first turn is under the lock; the batch that matters is the common, fenced one.
      await ask(['h0'], 'first', { action: actionOf('allow') });
      const together = await Promise.all([
        ask(['h1'], 'k1', { action: actionOf('allow') }),
        ask(['h2'], 'k2', { action: actionOf(behaviour) }),
        ask(['h3'], 'k3', { action: actionOf('allow') }),
      ]);
      expect(together.map(said)).toEqual(['allowed', 'fault policy.failed', 'allowed']);
      expect(said(await ask(['h4'], 'k4', { action: actionOf('allow') }))).toBe('allowed');
      const recorded = await store.db
        .selectFrom('decisions')
        .select(['decision', 'status'])
        .where('decision', '=', 'fault')
        .execute();
      expect(recorded).toEqual([{ decision: 'fault', status: 503 }]);
      // The caller is not told the cause; whoever runs the gate, and wrote the policy, is.
      const causes = { loop: 'steps', memory: 'malloc', trap: 'conflict' };
      expect(whole()).toMatchObject([{ level: 50, why: expect.stringContaining(causes[behaviour]) }]);
      const spent = await store.db
        .selectFrom('spends')
        .select('count')
        .where('dimension', '=', 'fleet')
        .execute();
      expect(spent.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    },
  );
});
