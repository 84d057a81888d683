import { expect, test } from 'vitest';
import { hosts } from '../../support/api.ts';
import { wideLimits } from '../../support/gate.ts';
import { standing } from '../../support/standing.ts';
import { examine } from './examine.ts';

const stands = standing({
  store: 'embedded',
  inventory: { host: hosts('web', 3) },
  config: { kinds: { host: kind(), spare: kind() } },
  limits: {
    actions: { 'test.act': wideLimits },
    protected: [
      { kind: 'host', ids: ['web-001'] },
      { kind: 'host', ids: ['web-002', 'web-0003', 'bastion-O1', 'web-003'] },
      { kind: 'host', selector: { role: ['consle', 'dns'] } },
      { kind: 'spare', ids: ['not-loaded-yet'] },
    ],
  },
});

function kind() {
  return {
    dimensions: ['region', 'zone', 'cluster', 'rack', 'role'],
    state: { label: 'state', in_service: ['serving', 'draining'] },
    labels: ['owner'],
    ...{ max_age: '24h', max_shrink: '100%', max_change: '100%' },
  };
}

const IDLE =
  /warn {5}protected {4}role consle or dns matches no target of the inventory of host: it guards nothing\n +→ see whether the name is right/;

const MISSING =
  /warn {5}protected {4}web-0003 and bastion-O1 are no targets of the inventory of host, and guard nothing; the other 2 of the entry guard\n +→ see whether the names are right/;

test('an entry of `protected` that matches nothing is named, by the gate and by the store that it has left', async () => {
  const ofGate = await examine(stands.gate);
  expect(ofGate).toMatch(IDLE);
  expect(ofGate).toMatch(MISSING);
  await stands.gate.stop();
  const ofStore = await examine(stands.gate);
  expect(ofStore).toMatch(IDLE);
  expect(ofStore).toMatch(MISSING);
  // Before its first load a kind has nothing that could be matched.
  expect(ofGate + ofStore).not.toContain('not-loaded-yet');
  expect(ofStore.match(/ protected {4}/g)).toHaveLength(2);
});
