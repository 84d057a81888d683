import { expect, it } from 'vitest';

import { bot, gateParts, loadHosts } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import { killSwitchOver } from './kill-switch-over.ts';

it('a refusal names some of the switches that stop it, and says how many more there are: an alert may engage each time it fires', async () => {
  const store = await memoryStore();
  try {
    await loadHosts(store, 10);
    const { ask, ledger } = await gateParts(store);
    const killSwitch = killSwitchOver(ledger);
    for (let times = 0; times < 23; times += 1)
      await killSwitch.engage({ scope: {}, reason: `alert ${times}`, except: [] }, bot);
    const refused = await ask(['h1'], 'k1');
    const reasons = 'document' in refused ? refused.document.reasons : [];
    expect(reasons).toHaveLength(21);
    expect(reasons.map(({ message }) => message)).toContain('3 more kill switches stop it.');
    expect(reasons.filter(({ message }) => /alert \d+\.$/.test(message))).toHaveLength(20);
  } finally {
    await store.close();
  }
});
