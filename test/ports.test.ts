import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../src/config/read-config.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { LateGate } from '../src/late-gate.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { portsOf } from '../src/ports.ts';
import { fakePorts } from './intake/fake-ports.ts';
import { quiet } from './support/gate-parts.ts';
import { writeGateFiles } from './support/gate.ts';
import { temporaryFolder } from './support/store.ts';

it('a scrape tells of the kill file, and of no switch, while the database was never reached', async () => {
  const folder = await temporaryFolder();
  try {
    writeGateFiles(folder.path, {});
    const config = readConfig(join(folder.path, 'interlock.yaml'));
    const metrics = createMetrics({ actions: new Set(), kinds: new Map(), version: '0', wallMs: () => 0 });
    const ports = portsOf({
      signNow: () => undefined,
      gate: new LateGate(quiet, systemClock),
      config,
      inForce: new InForce({ config, loaded: undefined }),
      reads: fakePorts([]).reads,
      metrics,
    });
    const engaged = async (): Promise<string[]> => {
      await ports.gauges.read();
      return (await metrics.text()).match(/(?<=^interlock_kill_switch_engaged).*/gmu) ?? [];
    };
    writeFileSync(config.killFile, '');
    expect(await engaged()).toEqual(['{scope="kill-file"} 1']);
    rmSync(config.killFile);
    expect(await engaged()).toEqual(['{scope="kill-file"} 0']);
  } finally {
    await folder.remove();
  }
});
