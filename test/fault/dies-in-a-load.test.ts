import http from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { apiOf, hosts, until } from '../support/api.ts';
import { keyOf, startGate, type Gate } from '../support/gate.ts';

let gate: Gate;
beforeAll(async () => {
  gate = await startGate({});
});
afterAll(async () => {
  await gate.close();
});

it('a gate that dies in a load on the embedded store takes the next one at once, when it is back', async () => {
  const put = async (count: number) => await apiOf(gate).put('host', hosts('h', count));
  expect((await put(700)).status).toBe(200);
  const halfway = http.request(`${gate.url}/v1/inventory/host`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${keyOf('feed')}`, 'content-type': 'application/x-ndjson' },
  });
  halfway.on('error', () => undefined);
  const lines = hosts('other', 1_200).map(line => `${JSON.stringify(line)}\n`);
  halfway.write(lines.join(''));
  await until(
    async () => (await put(700)).status,
    status => status === 409,
  );
  await gate.kill9();
  await gate.restart();
  const next = await put(701);
  expect(next.body, next.text).toMatchObject({ revision: 2, count: 701, added: 1, removed: 0 });
});
