import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../src/config/config.ts';
import { readConfig } from '../src/config/read-config.ts';
import type { Store } from '../src/db/store.ts';
import { Gate } from '../src/gate.ts';
import { InForce } from '../src/in-force.ts';
import { systemClock } from '../src/kit/clock.ts';
import { LateGate } from '../src/late-gate.ts';
import { readPolicy, toLoaded } from '../src/load-policy.ts';
import { createMetrics } from '../src/metrics/create-metrics.ts';
import { portsOf } from '../src/ports.ts';
import { fakePorts } from './intake/fake-ports.ts';
import { wideLimits, writeGateFiles, type Doc } from './support/gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';
import { memoryStore, temporaryFolder } from './support/store.ts';

interface Rig {
  readonly gate: Gate;
  readonly inForce: InForce;
  readonly config: Config;
  /** How often the gauges were set. */
  readonly looks: () => number;
  readonly said: () => [level: number, message: string][];
  readonly close: () => Promise<void>;
}

async function rig(
  more: { readonly limits?: Doc; readonly over?: (store: Store) => Store } = {},
): Promise<Rig> {
  const folder = await temporaryFolder();
  writeGateFiles(folder.path, more.limits === undefined ? {} : { limits: more.limits });
  const store = await memoryStore();
  const metrics = createMetrics({
    actions: new Set(),
    kinds: new Map(),
    version: '0.0.0',
    wallMs: () => systemClock.wallMs(),
  });
  const config = readConfig(join(folder.path, 'interlock.yaml'));
  const loaded = more.limits === undefined ? undefined : toLoaded(await readPolicy(config));
  const inForce = new InForce({ config, loaded });
  const { logger, said } = recordedLogger();
  let looks = 0;
  const gate = new Gate({
    onFailedBatch: () => undefined,
    gateId: 'g1',
    config,
    store: more.over?.(store) ?? store,
    inForce,
    clock: systemClock,
    metrics: {
      ...metrics,
      killSwitchObserved: scopes => {
        looks += 1;
        metrics.killSwitchObserved(scopes);
      },
    },
    logger,
    readFile: async file => await readFile(file, 'utf8'),
  });
  const close = async (): Promise<void> => {
    await gate.close();
    await store.close();
    await folder.remove();
  };
  return { gate, inForce, config, looks: () => looks, said, close };
}

it('looks at the ledger once for all scrapes that come at once', async () => {
  const { gate, looks, close } = await rig();
  await Promise.all(Array.from({ length: 500 }, async () => await gate.readGauges()));
  await gate.ledger.drained();
  expect(looks()).toBeGreaterThan(0);
  expect(looks()).toBeLessThanOrEqual(2);
  await close();
});

it('is waited for by an engage, and by a look at the switch, while it is being opened', async () => {
  const { gate, config, inForce, close } = await rig();
  const late = new LateGate(gate.options.logger, gate.options.clock);
  const { metrics } = gate.options;
  const { reads } = fakePorts([]);
  const { killSwitch } = portsOf({ gate: late, config, inForce, reads, metrics, signNow: () => undefined });
  let open = (): void => undefined;
  const opened = late.open(
    async () =>
      await new Promise(resolve => {
        open = () => resolve(gate);
      }),
    true,
  );
  const [by] = config.principals;
  if (by === undefined) throw new Error('nobody is there');
  const asked = [killSwitch.engage({ scope: {}, except: [] }, by), killSwitch.status()];
  open();
  await opened;
  // What stops goes first.
  expect(await Promise.all(asked)).toMatchObject([{ scope: {}, stopped: [] }, { engaged: [{ scope: {} }] }]);
  await close();
});

describe('while it takes long to count what protected entries stand for', () => {
  const limits = {
    actions: { 'test.act': wideLimits },
    protected: [
      { kind: 'host', selector: { role: ['dns'] } },
      { kind: 'host', selector: { role: ['console'] } },
    ],
  };
  let on: Rig;
  /** Connections that are asked for beside the ledger's wait for this. */
  let open = (): void => undefined;
  let asked: Promise<void>;
  beforeEach(async () => {
    const opened = new Promise<void>(resolve => {
      open = resolve;
    });
    let ask = (): void => undefined;
    asked = new Promise<void>(resolve => {
      ask = resolve;
    });
    const slowly = (store: Store): Store => ({
      ...store,
      db: new Kysely({
        dialect: new PostgresDialect({
          pool: {
            connect: async () => {
              ask();
              await opened;
              return await store.pool.connect();
            },
            end: async () => await Promise.resolve(),
          },
        }),
      }),
    });
    on = await rig({ limits, over: slowly });
    const kind = { kind: 'host', revision: 1, count: 1, definition: 'd', version: 1 };
    const at = new Date();
    await on.gate.options.store.ledgerDb
      .insertInto('inventory_kinds')
      .values({ ...kind, as_of: at, loaded_at: at })
      .execute();
  });
  afterEach(async () => {
    open();
    await on.close();
  });
  const idle = (): unknown[] => on.said().filter(([, message]) => message.includes('protected entry'));

  it('the switch is engaged beside GET /v1/policy, and all who ask for that share a count', async () => {
    const late = new LateGate(on.gate.options.logger, on.gate.options.clock);
    await late.open(async () => await Promise.resolve(on.gate), false);
    const { inForce, config, gate } = on;
    const { policy } = portsOf({
      gate: late,
      config,
      inForce,
      signNow: () => undefined,
      reads: fakePorts([]).reads,
      metrics: gate.options.metrics,
    });
    const told = [policy.describe(), policy.describe()];
    await asked;
    await gate.ledger.enqueueAlone(() => undefined);
    open();
    const [first, second] = await Promise.all(told);
    expect(first).toMatchObject({ protected: [{ matches: 0 }, { matches: 0 }] });
    expect(second).toBe(first);
  });

  it('a start waits for no count; it is warned behind it, once where more was asked for meanwhile', async () => {
    await on.gate.activate({ again: false });
    await asked;
    await on.gate.activate({ again: false });
    expect(idle()).toEqual([]);
    open();
    await expect.poll(() => idle().length).toBe(4);
  });

  it('an end waits for the statement that runs, and for no more', async () => {
    await on.gate.activate({ again: false });
    await asked;
    const closed = on.gate.close();
    open();
    await closed;
    expect(on.said().filter(([level]) => level >= 40)).toEqual([]);
  });
});
