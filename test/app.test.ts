import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';

import { startGate as startHere } from '../src/app.ts';
import { Checkpoints } from '../src/checkpoint/checkpoints.ts';
import { apiOf, hosts, names } from './support/api.ts';
import { startExecutor } from './support/executor.ts';
import { startGate } from './support/gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';

/** Two looks of a gate at what waits, and more. */
const HANGS_MS = 1_500;

it('a gate sends nothing of what waits before it can be reached to stop it, though the disk of its checkpoints hangs', async () => {
  const executor = await startExecutor({ type: 'hang' });
  const before = await startGate({
    executor: executor.url,
    config: { actions: { 'test.act': { executor: { concurrency: 1 } } } },
  });
  const api = apiOf(before);
  await api.put('host', hosts('h', 3));
  for (const id of names('h', 3))
    expect((await api.submit('test.act', [id], { prefer: 'respond-async' })).status).toBe(202);
  await executor.receivedAtLeast(1);
  await before.kill9();
  executor.behave({ type: 'answer', status: 200 });
  let sentMeanwhile: number | undefined;
  vi.spyOn(Checkpoints.prototype, 'begin').mockImplementation(async () => {
    await sleep(HANGS_MS);
    sentMeanwhile = executor.received().length - 1;
  });
  const gate = await startHere({
    configFile: join(before.folder, 'interlock.yaml'),
    activate: false,
    logger: recordedLogger().logger,
  });
  try {
    expect(sentMeanwhile).toBe(0);
    await executor.receivedAtLeast(3);
  } finally {
    await gate.close();
    await before.close();
    await executor.close();
  }
});
