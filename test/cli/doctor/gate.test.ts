import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { askGate } from '../../../src/cli/doctor/gate.ts';

const ok = { ok: true };
const unread = { ok: false, detail: 'not known until the database can be read', known: false };

/** What doctor makes of a gate that says this of itself. */
async function askOneThat({ checks = {}, metrics = '' }: { checks?: object; metrics?: string } = {}) {
  const said = { process: ok, database: ok, policy: ok, clock: ok, kinds: {}, ...checks };
  const server = createServer((req, res) =>
    req.url === '/metrics' ? res.end(metrics) : res.end(JSON.stringify({ ready: false, checks: said })),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const url = `http://127.0.0.1:${address.port}`;
    const found = await askGate(url, true);
    return found.map(({ what, ...rest }) => ({ ...rest, what: what.replace(url, 'URL') }));
  } finally {
    server.close();
  }
}

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
    expect(found.map(({ status }) => status)).toEqual(['unknown']);
  });
});
