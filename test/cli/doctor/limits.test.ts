import { expect, test } from 'vitest';
import { ndjson, names } from '../../support/api.ts';
import { principal, principalsFor, wideLimits, type Doc } from '../../support/gate.ts';
import { standing } from '../../support/standing.ts';
import { examine } from './examine.ts';

// What only a store knows: how far exceptions are used, and how old each feed is. From the gate with an auditor's key, and from the store it has left.

const kind: Doc = {
  dimensions: ['region'],
  labels: ['state'],
  max_age: '24h',
  max_shrink: '100%',
  max_change: '100%',
};
const exception = (id: string, max: number): Doc => ({
  ...{ id, action: 'test.act', set: { max_targets: 9 }, principal: id, owner: 'jo', ticket: 'DC-1' },
  ...{ until: '2099-01-01T00:00:00Z', max_targets: max },
});
const users = ['partly', 'wholly', 'never'];
const stands = standing({
  store: 'embedded',
  config: {
    kinds: {
      host: kind,
      fed: {
        ...kind,
        max_age: undefined,
        sources: {
          cmdb: { principal: 'feed', owns: 'existence', labels: ['region'], max_age: '24h' },
          telemetry: { principal: 'metrics-sync', labels: ['state'], max_age: '5m' },
        },
      },
    },
    principals: [
      ...principalsFor(['test.act']),
      principal('metrics-sync', ['inventory']),
      ...users.map(name => principal(name, ['requester'], ['test.act'])),
    ],
  },
  limits: {
    actions: { 'test.act': { ...wideLimits, max_targets: 1, ceiling: { max_targets: 9 } } },
    exceptions: [exception('partly', 9), exception('wholly', 2), exception('never', 9)],
  },
  inventory: { host: names('web', 9).map(id => ({ id, labels: { region: 'eu', state: 'idle' } })) },
});

test('an exception that is used up is named, and of the others how far they are used', async () => {
  for (const [as, ids] of [
    ['partly', ['web-001', 'web-002', 'web-003']],
    ['wholly', ['web-004', 'web-005']],
  ] as const) {
    const answer = await stands.api.submit('test.act', ids, { as });
    expect(answer.status, answer.text).toBe(200);
  }
  const loaded = await stands.api.put('fed', ndjson([{ id: 'f-1', labels: { region: 'eu' } }]));
  expect(loaded.status, loaded.text).toBe(200);
  const ofGate = await examine(stands.gate);
  await stands.gate.stop();
  const ofStore = await examine(stands.gate);
  for (const said of [ofGate, ofStore]) {
    expect(said).toMatch(/ok +exceptions +partly \(jo, DC-1\): 3 of 9 targets used/);
    expect(said).toMatch(/warn +exceptions +wholly \(jo, DC-1\) is used up: 2 of 2 targets\n +→ take it out/);
    expect(said).toMatch(/ok +exceptions +never \(jo, DC-1\) was never used/);
  }
  // Of the feeds the one that was never loaded fails, with whose key it is loaded.
  expect(ofStore).toMatch(
    /fail +inventory +The source telemetry of fed was never loaded\.\n +→ interlock inventory load fed FILE --url \S+, with the key of metrics-sync/,
  );
  expect(ofGate).toMatch(/fail +inventory +fed: .*telemetry/);
  expect(ofStore).toMatch(/ok +inventory +host: 9 targets, read \S+ ago, of at most 24h/);
  await stands.gate.restart();
});

const loadHosts = async (count: number): Promise<void> => {
  const lines = names('web', count).map(id => ({ id, labels: { region: 'eu', state: 'idle' } }));
  const loaded = await stands.api.put('host', ndjson(lines));
  expect(loaded.status, loaded.text).toBe(200);
};

/** Of its store, once it is not held any more. */
const examined = async (): Promise<string> => {
  await stands.gate.stop();
  return await examine(stands.gate);
};

const grown = (): readonly unknown[] =>
  stands.gate
    .logs()
    .flatMap(({ kind, before, level }) => (before === undefined ? [] : [[kind, before, level]]));

test('a feed is said with its own age, and of a load that made a kind twice as large, but no larger, nothing', async () => {
  const loaded = await stands.api.put('fed', ndjson([{ id: 'f-1', labels: { state: 'idle' } }]), '', {
    as: 'metrics-sync',
  });
  expect(loaded.status, loaded.text).toBe(200);
  await loadHosts(18);
  expect(grown()).toEqual([]);
  const said = await examined();
  expect(said).toMatch(/ok +inventory +fed: 1 targets?\n/);
  expect(said).toMatch(/ok +inventory +fed, source cmdb: read \S+ ago, of at most 24h/);
  expect(said).toMatch(/ok +inventory +fed, source telemetry: read \S+ ago, of at most 5m/);
  expect(said).not.toContain('made');
  await stands.gate.restart();
});

test('a load that made a kind more than twice as large is told by the log and by the store, as long as it is so', async () => {
  await loadHosts(37);
  await loadHosts(38);
  expect(grown()).toEqual([['host', 18, 40]]);
  expect(await examined()).toMatch(/warn +inventory +host: a load made 37 of 18 targets .* ago: each share/);
  await stands.gate.restart();
  await loadHosts(36);
  expect(await examined()).not.toContain('made');
});
