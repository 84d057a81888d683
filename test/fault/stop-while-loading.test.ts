import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hosts, until } from '../support/api.ts';
import { standing } from '../support/standing.ts';

// SIGTERM while SIGHUP waits: a server of bundles that takes a connection, and never says a word.

const actions = { 'test.act': { executor: { concurrency: 1, timeout: '5s' } } };
const on = standing({ config: { actions }, inventory: { host: hosts('h', 4) }, script: { type: 'hold' } });
let silent: Server;
let asked = 0;

beforeAll(async () => {
  silent = createServer(() => void (asked += 1));
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void silent.close());

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === 'object' ? (address?.port ?? 0) : 0;

it('claims nothing more at once, answers who waits, and ends when what is on the wire has ended', async () => {
  const sent = on.api.submit('test.act', ['h-001']);
  await on.executor.receivedAtLeast(1);
  const waits = on.api.submit('test.act', ['h-002']);
  await until(
    async () => (await on.api.audit()).filter(({ type }) => type === 'decision').length,
    decisions => decisions === 2,
  );
  const policies = `https://127.0.0.1:${portOf(silent.address())}/bundle.tar.gz`;
  on.gate.rewrite({ executor: on.executor.url, config: { actions, policies } });
  process.kill(on.gate.pid, 'SIGHUP');
  await until(
    async () => await Promise.resolve(asked),
    count => count > 0,
  );
  const startedMs = performance.now();
  const stopped = on.gate.stop();
  expect([(await sent).status, (await waits).status]).toEqual([202, 202]);
  on.executor.release();
  expect((await stopped).code).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  expect(on.executor.received()).toHaveLength(1);
});
