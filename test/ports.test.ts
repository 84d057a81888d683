import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { readConfig } from '../src/config/read-config.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { LateGate } from '../src/late-gate.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { portsOf } from '../src/ports.ts';
import type { Config } from '../src/config/config.ts';
import type { Ports } from '../src/intake/ports.ts';
import type { Metrics } from '../src/metrics/metrics.ts';
import { fakePorts } from './intake/fake-ports.ts';
import { quiet } from './support/gate-parts.ts';
import { writeGateFiles } from './support/gate.ts';
import { temporaryFolder } from './support/store.ts';

interface Given {
  readonly gate: LateGate;
  readonly config: Config;
  readonly metrics: Metrics;
}

async function withPorts(use: (ports: Ports, given: Given) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder();
  try {
    writeGateFiles(folder.path, {});
    const config = readConfig(join(folder.path, 'interlock.yaml'));
    const metrics = createMetrics({ actions: new Set(), kinds: new Map(), version: '0', wallMs: () => 0 });
    const gate = new LateGate(quiet, systemClock);
    const inForce = new InForce({ config, loaded: undefined });
    const { reads } = fakePorts([]);
    await use(portsOf({ signNow: () => undefined, gate, config, inForce, reads, metrics }), {
      gate,
      config,
      metrics,
    });
  } finally {
    await folder.remove();
  }
}

it('a scrape tells of the kill file, and of no switch, while the database was never reached', async () => {
  await withPorts(async (ports, { config, metrics }) => {
    const engaged = async (): Promise<string[]> => {
      await ports.gauges.read();
      return (await metrics.text()).match(/(?<=^interlock_kill_switch_engaged).*/gmu) ?? [];
    };
    writeFileSync(config.killFile, '');
    expect(await engaged()).toEqual(['{scope="kill-file"} 1']);
    rmSync(config.killFile);
    expect(await engaged()).toEqual(['{scope="kill-file"} 0']);
  });
});

it('budgets are shown one at a time: a stop comes between two of them', async () => {
  await withPorts(async (ports, { gate }) => {
    const turns: (() => void)[] = [];
    const enqueue = async (): Promise<unknown> => await new Promise(resolve => turns.push(() => resolve([])));
    vi.spyOn(gate, 'get').mockReturnValue({ ledger: { enqueue } } as never);
    const first = ports.budgets.budgets();
    const second = ports.budgets.budgets();
    expect(turns).toHaveLength(1);
    turns[0]?.();
    expect(await first).toEqual({ items: [] });
    expect(turns).toHaveLength(2);
    turns[1]?.();
    expect(await second).toEqual({ items: [] });
  });
});
