import { request } from 'node:http';
import { expect, it } from 'vitest';
import { hosts, ndjson, until } from '../support/api.ts';
import { keyOf } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// SIGTERM in the middle of an inventory.

const fleet = hosts('h', 2_000);
const on = standing({ inventory: { host: fleet } });

/** A PUT of which half has come, and the rest never does. Ends with its answer, or the error that ended it. */
async function beginLoad(): Promise<void> {
  const url = new URL(`${on.gate.url}/v1/inventory/host`);
  const headers = { authorization: `Bearer ${keyOf('feed')}`, 'content-type': 'application/x-ndjson' };
  await new Promise<void>(resolve => {
    const load = request(url, { method: 'PUT', headers }, answer => answer.resume().once('close', resolve));
    load.once('error', () => resolve());
    load.write(ndjson(hosts('h', 1_000, { role: 'half' })));
  });
}

it('leaves the place of the one writer, so that the next load need not wait a minute for it', async () => {
  let isPlaced = false;
  const broken = (async () => {
    // One that comes while the other writes is turned away itself.
    do await beginLoad();
    while (!isPlaced);
  })();
  // A second writer is turned away: the first one has its place.
  await until(
    async () => (await on.api.patch('host', [fleet[0] ?? {}])).status,
    status => status === 409,
  );
  isPlaced = true;
  expect((await on.gate.stop()).code).toBe(0);
  await broken;
  expect(on.gate.logs().filter(({ msg }) => /discarded later/u.test(String(msg)))).toEqual([]);
  await on.gate.restart();
  const next = await on.api.put('host', fleet);
  expect(next.status, next.text).toBe(200);
  expect((await on.api.kind('host'))?.dimensions['role']).toEqual({ web: fleet.length });
});
