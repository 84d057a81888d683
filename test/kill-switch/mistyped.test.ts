import { expect, it } from 'vitest';

import { isRefusal } from '../../src/kit/refusal.ts';
import { bot, gateParts, loadHosts } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import { killSwitchOver } from './kill-switch-over.ts';

it('a right stop is engaged before the names that others have mistyped are looked for among all there are', async () => {
  const store = await memoryStore();
  try {
    await loadHosts(store, 1_000);
    const { ledger } = await gateParts(store);
    const killSwitch = killSwitchOver(ledger);
    const answered: string[] = [];
    const engage = async (value: string): Promise<void> => {
      const request = { scope: { dimension: 'rack', value }, reason: 'a test', except: [] };
      const answer = await killSwitch.engage(request, bot);
      answered.push(
        isRefusal(answer) ? answer.reasons.map(({ message }) => message).join() : `engaged ${value}`,
      );
    };
    await Promise.all([...Array.from({ length: 20 }, async () => await engage('rr7')), engage('r7')]);
    const wrong = 'There is no value of rack "rr7": did you mean r7? Nothing was engaged.';
    expect(answered.toSorted()).toEqual([...Array.from({ length: 20 }, () => wrong), 'engaged r7']);
    expect(answered.indexOf('engaged r7')).toBeLessThan(5);
  } finally {
    await store.close();
  }
});
