import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LateGate } from '../src/late-gate.ts';
import { recordedLogger } from './support/recorded-logger.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says once, and once for each other cause, that its database is still away, however often it tries', async () => {
  const { logger, said } = recordedLogger();
  const gate = new LateGate(logger);
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
    'the database is still no use',
    'the database is still no use',
  ]);
});
