import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MigrationFailed, StoreInUse } from '../src/db/store-refused.ts';
import { systemClock } from '../src/kit/clock.ts';
import { LateGate, type Lateness } from '../src/late-gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says once, and once for each other cause, that its database is still away, however often it tries', async () => {
  const { logger, said } = recordedLogger();
  const gate = new LateGate(logger, systemClock);
  let tries = 0;
  const openGate = async (): Promise<never> => {
    tries += 1;
    return await Promise.reject(new Error(tries < 10 ? 'refused' : 'still starting'));
  };
  await gate.open(openGate, true);
  await vi.advanceTimersByTimeAsync(20_000);
  gate.stop();
  expect(tries).toBeGreaterThan(15);
  expect(said().map(([, message]) => message)).toEqual([
    'the database is away: nothing is decided until it is back',
    'the database still cannot be used',
    'the database still cannot be used',
  ]);
});

it('says what a migration waits for, and leaves the tables to others between its tries', async () => {
  const { logger, said, whole } = recordedLogger();
  const gate = new LateGate(logger, systemClock);
  let tries = 0;
  const openGate = async (): Promise<never> => {
    tries += 1;
    return await Promise.reject(new StoreInUse('0009_a.sql', ['7 (pg_dump)'], undefined));
  };
  await gate.open(openGate, true);
  await vi.advanceTimersByTimeAsync(60_000);
  gate.stop();
  expect(tries).toBe(7);
  expect(said().map(([, message]) => message)).toEqual([
    'the database cannot be brought to this version yet: nothing is decided here until it is',
    'the database still cannot be used',
  ]);
  expect(JSON.stringify(whole())).toContain(
    '0009_a.sql waits for a table that the sessions 7 (pg_dump) hold',
  );
});

it('says of a migration that failed what it is, to the log and to who asks, and tries it again', async () => {
  const { logger, said } = recordedLogger();
  const gate = new LateGate(logger, systemClock);
  let tries = 0;
  const openGate = async (): Promise<never> => {
    tries += 1;
    return await Promise.reject(new MigrationFailed('The migration 0009_a.sql failed: no space left.'));
  };
  await gate.open(openGate, true);
  expect(() => gate.get()).toThrow('The migration 0009_a.sql failed: no space left.');
  await vi.advanceTimersByTimeAsync(60_000);
  gate.stop();
  expect(tries).toBe(7);
  expect(said()[0]?.[1]).toBe(
    'the database cannot be brought to this version yet: nothing is decided here until it is',
  );
  await expect(gate.open(openGate, false)).rejects.toThrow(MigrationFailed);
});

it('tells each try but the first how long ago the gate was started, by the clock that says more', async () => {
  const { logger } = recordedLogger();
  const time = { wallMs: 1_000_000, monotonicMs: 0 };
  const clock = { wallMs: () => time.wallMs, monotonicMs: () => time.monotonicMs };
  const gate = new LateGate(logger, clock);
  const late: (number | undefined)[] = [];
  const openGate = async ({ sinceStartMs }: Lateness): Promise<never> => {
    late.push(sinceStartMs?.());
    return await Promise.reject(new Error('refused'));
  };
  await gate.open(openGate, true);
  for (const [wallMs, monotonicMs] of [
    [1_002_000, 2_000],
    // A machine that slept, and one whose wall clock was set back.
    [4_600_000, 3_000],
    [0, 4_000],
  ] as const) {
    Object.assign(time, { wallMs, monotonicMs });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  gate.stop();
  expect(late).toEqual([undefined, 2_000, 3_600_000, 4_000]);
});

it('lets a stop wait for a try that is under way, also when that fails, and for none that never ends', async () => {
  const gate = new LateGate(recordedLogger().logger, systemClock);
  let fail = (): void => undefined;
  const openGate = async (): Promise<never> =>
    await new Promise((_opened, reject) => {
      fail = () => reject(new Error('refused'));
    });
  const tried = gate.open(openGate, true);
  const first = gate.getOpened();
  fail();
  await tried;
  await expect(first).rejects.toThrow('The database was not reached yet.');
  // Between two tries there is nothing to wait for.
  await expect(gate.getOpened()).rejects.toThrow('The database was not reached yet.');
  await vi.advanceTimersByTimeAsync(1_000);
  const second = gate.getOpened().then(() => 'opened', String);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await second).toContain('This gate is still opening its database.');
  gate.stop();
});
