import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { askGate } from '../../../src/cli/doctor/gate.ts';
import { nextCommandOf } from '../../../src/cli/next-command.ts';

const ok = { ok: true };
const unread = { ok: false, detail: 'not known until the database can be read', known: false };

const operations = (states: Readonly<Record<string, number>>): string =>
  Object.entries(states)
    .map(([state, count]) => `interlock_operations{action="test.act",state="${state}"} ${count}\n`)
    .join('');
const noSwitch = 'interlock_kill_switch_engaged{scope="everything"} 0\n';
const well = noSwitch + operations({ unknown: 0, accepted: 0 });

const next = nextCommandOf({ url: 'http://gate', keyFile: 'k' });

/** What doctor makes of a gate that says this of itself. */
async function askOneThat({
  checks = {},
  metrics = well,
  storeRead = false,
}: { checks?: object; metrics?: string; storeRead?: boolean } = {}) {
  const said = { process: ok, database: ok, policy: ok, clock: ok, kinds: {}, ...checks };
  const server = createServer((req, res) =>
    req.url === '/metrics' ? res.end(metrics) : res.end(JSON.stringify({ ready: false, checks: said })),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const url = `http://127.0.0.1:${address.port}`;
    const { findings } = await askGate(url, { runs: 'must', storeRead, next });
    return findings.map(({ what, ...rest }) => ({ ...rest, what: what.replace(url, 'URL') }));
  } finally {
    server.close();
  }
}

test('a gate that runs, and whose readiness waits for a database that hangs, is not said to be down', async () => {
  const late = async (alive: number) =>
    await askGate('http://gate', {
      runs: 'must',
      storeRead: false,
      next,
      fetch: async url => {
        if ((url instanceof Request ? url.url : url.toString()) === 'http://gate/livez')
          return new Response('{}', { status: alive });
        throw new DOMException('late', 'TimeoutError');
      },
    });
  expect((await late(200)).findings).toMatchObject([
    { status: 'fail', what: expect.stringMatching(/^http:\/\/gate runs, .*its database hangs/) },
  ]);
  expect((await late(500)).findings).toMatchObject([{ what: expect.stringMatching(/^no gate answers/) }]);
});

describe('a gate that cannot read its database', () => {
  const whose = (database: object) => ({
    checks: { database, policy: unread, clock: unread, kinds: { host: unread } },
  });

  test('fails for that alone, and nobody is told to accept a time, to activate a policy or to load anything', async () => {
    const found = await askOneThat(
      whose({ ok: false, detail: 'does not answer', rule: 'store.unavailable' }),
    );
    expect(found.map(({ status, what }) => [status, what])).toEqual([
      ['fail', 'URL: database: does not answer'],
      ['unknown', 'URL: policy, clock and inventory of host: not known until the database can be read'],
    ]);
    expect(JSON.stringify(found)).not.toMatch(/accept|--activate|inventory load/);
  });

  test('for it lacks something is not to be restarted', async () => {
    const [found] = await askOneThat(whose({ ok: false, detail: 'lacks something', rule: 'store.behind' }));
    expect(found).toMatchObject({ status: 'fail', todo: expect.stringMatching(/^do not restart the gate/) });
  });

  test('is not said to decide, whatever else it says', async () => {
    const found = await askOneThat(whose(ok));
    const gate = found.filter(({ check }) => check === 'gate');
    expect(gate.map(({ status }) => status)).toEqual(['unknown']);
  });
});

describe('a gate whose store was not looked into', () => {
  test('is asked what was looked at, and says what is well', async () => {
    const found = await askOneThat({ checks: { kinds: { host: ok } } });
    expect(found.map(({ check, status, what }) => [check, status, what])).toEqual([
      [
        'gate',
        'ok',
        'URL answers, and can decide where its inventory lets it: database, policy and clock are well',
      ],
      ['inventory', 'ok', 'host: fresh enough'],
      ['kill switch', 'ok', 'none is engaged'],
      ['outcomes', 'ok', 'none is unknown'],
    ]);
  });

  test('tells of outcomes that nobody knows, and of those that nobody reported', async () => {
    const metrics = noSwitch + operations({ unknown: 3, accepted: 1, waiting: 7 });
    const found = await askOneThat({ metrics });
    expect(found.at(-1)).toMatchObject({
      status: 'warn',
      what: expect.stringMatching(/^3 requests of which nobody knows the outcome.*; 1 request accepted/),
    });
  });

  test.each([
    ['everything', 'everything'],
    ['action:config.push', 'action config.push'],
    ['region:eu:1', 'region eu:1'],
    [String.raw`rack:a\"b\\c`, String.raw`rack a"b\c`],
    ['kill-file', 'everything, by the kill file'],
  ])('says of a switch on %s what it stops as kill says it', async (scope, said) => {
    const metrics = `${well}interlock_kill_switch_engaged{scope="${scope}"} 1\n`;
    const found = await askOneThat({ metrics });
    const switches = found.filter(({ check }) => check === 'kill switch');
    expect(switches).toEqual([
      {
        ...{ check: 'kill switch', status: 'warn', what: `engaged for ${said}` },
        todo: 'interlock kill status --url http://gate --key-file k says by whom and why',
      },
    ]);
  });

  test('has what is to be done typed for that gate, and without the key of another role', async () => {
    const found = await askOneThat({
      checks: { clock: { ok: false, detail: 'parted' }, kinds: { host: { ok: false, detail: 'stale' } } },
      metrics: noSwitch + operations({ unknown: 1 }),
    });
    const todos = found.map(({ todo }) => todo).join('\n');
    expect(todos).toContain('interlock clock accept --reason "…" --url http://gate (docs/on-call.md)');
    expect(todos).toContain('interlock inventory load host FILE --url http://gate');
    expect(todos).toContain('interlock audit search --outcome unknown --url http://gate --key-file k names');
    expect(todos).toContain('interlock settle ID --delivered --reason "…" --url http://gate, or --refused');
  });

  test('and that does not tell is not well', async () => {
    const found = await askOneThat({ metrics: '' });
    expect(found.map(({ check, status }) => [check, status])).toEqual([
      ['gate', 'ok'],
      ['kill switch', 'unknown'],
      ['outcomes', 'unknown'],
    ]);
  });

  test('tells that its trail is not anchored', async () => {
    const found = await askOneThat({ metrics: `${well}interlock_checkpoints_written 0\n` });
    expect(found.at(-1)).toMatchObject({ check: 'checkpoints', status: 'warn' });
  });
});

test('what the store has told already is not said twice', async () => {
  const found = await askOneThat({ checks: { kinds: { host: ok } }, storeRead: true });
  expect(found.map(({ check }) => check)).toEqual(['gate', 'kill switch']);
});
