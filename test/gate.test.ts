import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../src/config/read-config.ts';
import { Gate } from '../src/gate.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { quiet } from './support/gate-parts.ts';
import { writeGateFiles } from './support/gate.ts';
import { memoryStore, temporaryFolder } from './support/store.ts';

it('looks at the ledger once for all scrapes that come at once', async () => {
  const folder = await temporaryFolder();
  writeGateFiles(folder.path, {});
  const store = await memoryStore();
  const metrics = createMetrics({
    actions: new Set(),
    kinds: new Map(),
    version: '0.0.0',
    wallMs: () => systemClock.wallMs(),
  });
  const config = readConfig(join(folder.path, 'interlock.yaml'));
  let looks = 0;
  const gate = new Gate({
    onFailedBatch: () => undefined,
    gateId: 'g1',
    config,
    store,
    inForce: new InForce({ config, loaded: undefined }),
    clock: systemClock,
    metrics: {
      ...metrics,
      killSwitchObserved: scopes => {
        looks += 1;
        metrics.killSwitchObserved(scopes);
      },
    },
    logger: quiet,
    readFile: async file => await readFile(file, 'utf8'),
  });
  await Promise.all(Array.from({ length: 500 }, async () => await gate.readGauges()));
  await gate.ledger.drained();
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThanOrEqual(2);
  await gate.close();
  await store.close();
  await folder.remove();
});
