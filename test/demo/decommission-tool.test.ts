import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecommissionTool, type DecommissionTool } from '../../src/demo/decommission-tool.ts';
import { makeFleet, remainingDisks, writeDisks } from '../../src/demo/fleet.ts';

const KEY = 'the-key-of-the-tool';
const fleet = makeFleet().slice(0, 20);
const ids = fleet.map(machine => machine.id);

let folder: string;
let disks: string;
let tool: DecommissionTool;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-'));
  disks = join(folder, 'disks');
  await writeDisks(disks, fleet);
  tool = createDecommissionTool(disks, KEY);
  await new Promise<void>(resolve => tool.server.listen(0, '127.0.0.1', resolve));
  const address = tool.server.address() as AddressInfo; // a TCP server that listens has no other kind of address
  url = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  tool.server.closeAllConnections();
  tool.server.close();
  await rm(folder, { recursive: true });
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'idempotency-key': 'one', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

describe('the decommission tool', () => {
  it.each(['', 'Bearer', 'Bearer ', 'Bearer wrong', KEY, `bearer ${KEY}`, `Bearer ${KEY}x`])(
    'does nothing for somebody who says %j',
    async authorization => {
      expect(await post('/wipe', { targets: [] }, { authorization })).toBe(401);
      expect([tool.calls().length, (await remainingDisks(disks)).size]).toEqual([0, 20]);
    },
  );

  it.each([
    '',
    '{',
    '[]',
    'null',
    '{}',
    '{"targets":null}',
    '{"targets":"*"}',
    '{"targets":[1]}',
    '{"targets":["../x"]}',
  ])('takes %s for a mistake', async body => {
    expect(await post('/wipe', body)).toBe(400);
    expect((await remainingDisks(disks)).size).toBe(20);
  });

  it('reads an empty list as everything, which is why it stands behind a gate', async () => {
    expect(await post('/wipe', { targets: [] })).toBe(200);
    expect((await remainingDisks(disks)).size).toBe(0);
  });

  it('does a thing once for one key, however often and however many at once it is asked', async () => {
    const body = { targets: ids.slice(0, 2) };
    expect(await Promise.all([post('/wipe', body), post('/wipe', body), post('/wipe', body)])).toEqual([
      200, 200, 200,
    ]);
    expect(tool.calls()).toEqual([{ path: '/wipe', request: 'one', targets: 2 }]);
  });

  it('deletes the disks that it is told, and no other', async () => {
    expect(await post('/wipe', { targets: ids.slice(0, 3) })).toBe(200);
    expect(await remainingDisks(disks)).toEqual(new Set(ids.slice(3)));
  });

  it('answers a reboot when the machines are up again', async () => {
    const asked = post('/reboot', { targets: ids.slice(0, 3) });
    while (tool.calls().length === 0) await new Promise(resolve => setImmediate(resolve));
    tool.finishReboots();
    expect(await asked).toBe(200);
    expect((await remainingDisks(disks)).size).toBe(20);
  });
});
